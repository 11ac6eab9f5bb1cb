import java.util.concurrent.CompletableFuture;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Ends, or goes on, with the stack trace named by its argument. */
public class Trace {
  static class Refused extends RuntimeException {
    Refused(String message, Throwable cause) {
      super(message, cause);
    }
  }

  static class Resource implements AutoCloseable {
    @Override
    public void close() {
      throw new IllegalArgumentException("while closing", new Error("why"));
    }
  }

  static void deep(int depth) {
    if (depth == 0) throw new IllegalStateException("at the bottom");
    deep(depth - 1);
  }

  static void wrapped() {
    try {
      deep(3);
    } catch (IllegalStateException e) {
      throw new Refused("could not", e);
    }
  }

  static void suppressed() {
    try (Resource resource = new Resource()) {
      wrapped();
    }
  }

  static void circular() {
    Exception first = new Exception("first");
    Exception second = new Exception("second", first);
    first.initCause(second);
    second.printStackTrace();
  }

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "uncaught" -> deep(2);
      case "bare" -> throw new NullPointerException();
      case "caused" -> wrapped();
      case "suppressed" -> suppressed();
      case "printed" -> {
        try {
          suppressed();
        } catch (RuntimeException e) {
          e.printStackTrace();
        }
      }
      case "circular" -> circular();
      case "message" -> throw new IllegalStateException("Unrecognized token\n at [Source: (String)\"x\"; line: 1, column: 2]");
      case "lambda" -> CompletableFuture.runAsync(() -> deep(1)).join();
      case "thread" -> {
        Thread worker = new Thread(() -> deep(1), "worker-1");
        worker.start();
        worker.join();
      }
      case "logged" -> {
        try {
          wrapped();
        } catch (Refused e) {
          Logger.getLogger("shop").log(Level.SEVERE, "the order failed", e);
        }
      }
      case "overflow" -> deep(100_000_000);
      default -> throw new IllegalArgumentException(args[0]);
    }
  }
}
