// Ends, or goes on, with the stack trace named by its argument.
using System;
using System.Collections.Generic;
using System.Threading.Tasks;

class Refused : Exception {
  public Refused(string message, Exception inner) : base(message, inner) {}
}

class Shop {
  static void Deep(int depth) {
    if (depth == 0) throw new InvalidOperationException("at the bottom");
    Deep(depth - 1);
  }
  static void Wrapped<T>(T what, string[] list) {
    try { Deep(2); } catch (InvalidOperationException e) { throw new Refused("could not", e); }
  }
  static async Task Later() { await Task.Delay(5); Wrapped(1, null); }

  static void Main(string[] args) {
    switch (args[0]) {
      case "uncaught": Deep(2); break;
      case "wrapped": Wrapped("x", new string[0]); break;
      case "printed": try { Wrapped(1, null); } catch (Refused e) { Console.Error.WriteLine(e); } break;
      case "async": try { Later().Wait(); } catch (AggregateException e) { Console.Error.WriteLine(e); } break;
      case "message": throw new InvalidOperationException("first line\nsecond line");
      case "null": string none = null; Console.WriteLine(none.Length); break;
    }
  }
}
