//! What the number a process ended with means.

/// An exit code of a container, in words; `None` where the number alone says nothing.
///
/// Above 128 it is the signal that ended the process, as shells and container engines count.
pub fn explain(code: i64) -> Option<&'static str> {
    Some(match code {
        0 => "ended by itself without an error, and a server must not end",
        1 => "the program ended with an error; its last lines say which",
        2 => "the program refused its arguments or its configuration",
        125 => "the container engine could not start it",
        126 => "the command is there and cannot be executed: no right to, or made for another processor",
        127 => "the command is not in the image",
        134 => "aborted by itself (SIGABRT)",
        135 => "bus error (SIGBUS)",
        137 => "killed (SIGKILL): out of memory, or it did not stop in time when asked to",
        139 => "crashed in native code (SIGSEGV), such as of a library that does not fit the processor",
        143 => "asked to stop (SIGTERM): ECS replaced it, or its health check failed",
        255 => "ended with an error, or the container could not be run at all",
        _ => return None,
    })
}
