package app;

import java.io.File;

/** A server: asks its database from a pool of threads, then executes tools. */
public final class Server {
  public static void main(String[] arguments) throws Exception {
    Thread worker = new Thread(() -> Database.ask("server"));
    worker.start();
    worker.join();
    String said = Database.run(new ProcessBuilder("psql", System.getenv("DATABASE_URL"), "-Atc", "select 1"));
    System.out.println("server psql " + (said.contains("Connection refused") ? "refused" : said));
    String java = System.getProperty("java.home") + File.separator + "bin" + File.separator + "java";
    System.out.println(Database.run(new ProcessBuilder(
        java, "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), "app.Tool")));
  }
}
