package app;

import java.io.File;

/** Runs itself once more, as the app may, but with options of somebody else. */
public final class Disguised {
  public static void main(String[] arguments) throws Exception {
    if (System.getenv("SECOND") != null) {
      Database.dial("again");
      return;
    }
    Database.ask("app");
    String java = System.getProperty("java.home") + File.separator + "bin" + File.separator + "java";
    String path = System.getProperty("java.class.path");
    var again = arguments[0].equals("option")
        ? new ProcessBuilder(java, "-XX:TieredStopAtLevel=1", "-Devil=1", "-cp", path, "app.Disguised", arguments[0])
        : new ProcessBuilder(java, "-XX:TieredStopAtLevel=1", "-cp", path, "app.Disguised", arguments[0]);
    again.environment().put("SECOND", "1");
    if (arguments[0].endsWith("_OPTIONS")) again.environment().put(arguments[0], "-Devil=1");
    System.out.println(Database.run(again));
  }
}
