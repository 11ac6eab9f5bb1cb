"""A worker of multiprocessing, started by the method that the command names."""

import multiprocessing
import sys

import probe

if __name__ == "__main__":
    worker = multiprocessing.get_context(sys.argv[1]).Process(target=probe.say)
    worker.start()
    worker.join()
    sys.exit(worker.exitcode)
