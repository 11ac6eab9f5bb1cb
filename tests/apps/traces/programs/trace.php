<?php
// Ends, or goes on, with the stack trace named by its argument.
class Refused extends RuntimeException {}

class Shop {
    function deep(int $depth, array $list = []) {
        if ($depth === 0) throw new InvalidArgumentException("at the bottom");
        $this->deep($depth - 1, [1, 2]);
    }
    function wrapped() {
        try { $this->deep(2); } catch (InvalidArgumentException $e) { throw new Refused("could not", 7, $e); }
    }
}
$shop = new Shop;
switch ($argv[1]) {
    case 'uncaught': $shop->deep(2); break;
    case 'wrapped': $shop->wrapped(); break;
    case 'message': throw new Refused("first line\nsecond line\n\nafter a blank line");
    case 'type': strlen([]); break;
    case 'undefined': missing_function(); break;
    case 'logged':
        try { $shop->wrapped(); } catch (Refused $e) { error_log((string)$e); }
        break;
    case 'printed':
        try { $shop->wrapped(); } catch (Refused $e) { fwrite(STDERR, $e . "\n"); }
        break;
    case 'memory': ini_set('memory_limit', '4M'); $a = str_repeat('x', 8 << 20); break;
    case 'warning': echo $undefined; echo 1 / 2 . "\n"; break;
}
