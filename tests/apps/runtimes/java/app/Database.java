package app;

import java.net.Socket;
import java.net.URI;
import java.sql.DriverManager;

/** What the programs here have in common: they ask the database themselves, or have a tool try it. */
final class Database {
  private static final URI PLACE = URI.create(System.getenv("DATABASE_URL"));

  private Database() {}

  static void ask(String who) {
    String[] login = PLACE.getUserInfo().split(":");
    String address = "jdbc:postgresql://" + PLACE.getHost() + ":" + PLACE.getPort() + PLACE.getPath();
    try (var connection = DriverManager.getConnection(address, login[0], login[1]);
        var rows = connection.createStatement().executeQuery("select 6 * 7")) {
      rows.next();
      System.out.println(who + " postgres " + rows.getInt(1));
    } catch (java.sql.SQLException error) {
      System.out.println(who + " postgres " + (error.getMessage().contains("refused") ? "refused" : error));
    }
  }

  static void dial(String who) {
    try (var socket = new Socket(PLACE.getHost(), PLACE.getPort())) {
      System.out.println(who + " java connected");
    } catch (java.io.IOException error) {
      System.out.println(who + " java " + (error.getMessage().contains("refused") ? "refused" : error));
    }
  }

  static String run(ProcessBuilder tool) throws Exception {
    Process process = tool.redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes()).strip();
    process.waitFor();
    return said;
  }
}
