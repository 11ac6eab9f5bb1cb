import java.io.IOException;
import java.io.UncheckedIOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs two exceptions between two ordinary lines, with logback's own format. */
public class Logged {
  static void deep(int depth) {
    if (depth == 0) throw new IllegalStateException("at the bottom");
    deep(depth - 1);
  }

  public static void main(String[] args) {
    Logger log = LoggerFactory.getLogger(Logged.class);
    log.info("started");
    try {
      try {
        deep(2);
      } catch (IllegalStateException e) {
        throw new UncheckedIOException("could not", new IOException("gone", e));
      }
    } catch (UncheckedIOException e) {
      log.error("the order failed", e);
      log.warn("trying again", e);
    }
    log.info("goes on");
  }
}
