//! The `haute-cli` program: the built-in targets, the process's arguments and streams, and one exit code.

/// A check is mostly small allocations: this makes it a third faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    haute_cli::install_panic_hook();
    haute_cli::Runner::with_built_in_targets().run(std::env::args_os(), haute_cli::Io::process()).into()
}
