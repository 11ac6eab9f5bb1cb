"""Ends, or goes on, with the stack trace named by its argument."""

import asyncio
import faulthandler
import logging
import sys
import threading


def parse(text):
    return int(text) + len(
        text.missing)


def middle():
    return parse("12") + 1


def uncaught():
    middle()


def recursion():
    def again(depth):
        return again(depth + 1)
    again(0)


def chained():
    try:
        middle()
    except AttributeError:
        raise KeyError("while handling")


def caused():
    try:
        chained()
    except KeyError as error:
        raise RuntimeError("the last of three") from error


def group():
    errors = []
    for call in (middle, chained, lambda: int("x")):
        try:
            call()
        except Exception as error:
            errors.append(error)
    raise ExceptionGroup("several", [errors[0], ExceptionGroup("inner", errors[1:])])


def notes():
    try:
        middle()
    except AttributeError as error:
        error.add_note("a note\nof two lines")
        raise


def syntax():
    compile("def f(:\n  pass\n", "settings.py", "exec")


def message():
    raise ValueError("first line\n  second line, indented")


def thread():
    worker = threading.Thread(target=middle)
    worker.start()
    worker.join()


def ignored():
    class Late:
        def __del__(self):
            middle()
    late = Late()
    del late


def task():
    async def main():
        asyncio.create_task(failing())
        await asyncio.sleep(0.05)

    async def failing():
        middle()
    asyncio.run(main())


def logged():
    logging.basicConfig()
    try:
        caused()
    except RuntimeError:
        logging.exception("the job failed")


def timed():
    logging.basicConfig(format="%(asctime)s [%(process)d] [%(levelname)s] %(name)s: %(message)s", level="INFO")
    try:
        middle()
    except AttributeError:
        logging.warning("trying again", exc_info=True)


def stack():
    logging.basicConfig()
    logging.error("who calls", stack_info=True)


def fatal():
    faulthandler.enable()
    faulthandler._sigsegv()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
