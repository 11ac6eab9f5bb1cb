package app;

/** Another main class of the same jar. */
public final class Tool {
  public static void main(String[] arguments) {
    Database.dial("tool");
  }
}
