package app;

import java.io.File;

/** Starts the server in a JVM of its own, as Gradle's bootRun and Maven's spring-boot:run do. */
public final class Starter {
  public static void main(String[] arguments) throws Exception {
    String java = System.getProperty("java.home") + File.separator + "bin" + File.separator + "java";
    new ProcessBuilder(java, "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), "app.Server")
        .inheritIO().start().waitFor();
  }
}
