import Glibc

/// Blocks the calling thread; never to be called from a task.
func sleepMilliseconds(_ milliseconds: UInt32) { usleep(milliseconds * 1000) }
