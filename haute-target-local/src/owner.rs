//! Who holds a port. Linux says so in `/proc`; elsewhere the holder stays unnamed.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};

use haute_core::error::Retry;
use haute_core::{Error, ErrorKind, Result};

/// A process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Process id.
    pub(crate) process: u32,
    /// Its command, shortened.
    pub(crate) command: String,
}

/// Whether an address can be listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// It can.
    Free,
    /// Somebody does; `None` when it cannot be told who.
    Taken(Option<Owner>),
}

/// Looks whether `address` can be listened on, by doing so for a moment.
pub(crate) fn look(address: SocketAddr) -> Result<Port> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(Port::Free),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(Port::Taken(find(address.port()))),
        Err(error) => Err(cannot_listen(address, error)),
    }
}

/// Why an address cannot be listened on at all.
pub(crate) fn cannot_listen(address: SocketAddr, error: io::Error) -> Error {
    let (kind, hint) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            ErrorKind::PermissionDenied,
            "ports below 1024 need special rights; set `deploy.local.port` higher",
        ),
        _ => (ErrorKind::InvalidInput, "set `deploy.local.host` to an address of this machine"),
    };
    Error::new(kind, format!("cannot listen on {address}"))
        .with_operation("local.port")
        .with_hint(hint)
        .with_source(error)
}

/// The error for an address somebody else listens on.
pub(crate) fn taken(address: SocketAddr, owner: Option<&Owner>) -> Error {
    let by = owner.map_or_else(
        || "a process that cannot be named (maybe of another user)".to_owned(),
        |owner| format!("process {} (`{}`)", owner.process, owner.command),
    );
    // A holder that has no name may be one that is just ending: a second look costs little.
    let retry = if owner.is_some() { Retry::Never } else { Retry::Soon };
    Error::new(ErrorKind::Conflict, format!("{address} is taken by {by}; nothing was changed"))
        .with_operation("local.port")
        .with_retry(retry)
        .with_hint("stop that process, or set another `deploy.local.port`")
}

/// The process that listens on `port`, as far as this user may see.
fn find(port: u16) -> Option<Owner> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
            .any(|link| inodes.iter().any(|inode| link.as_os_str() == inode.as_str()));
        holds.then(|| Owner { process, command: command_of(process) })
    })
}

/// The inodes of the sockets that listen on `port`, from the text of a `/proc/net/tcp` (proc(5): local address in
/// column 2, state in column 4, inode in column 10; state 0A is LISTEN).
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let listens = columns.get(1)?.ends_with(&suffix) && *columns.get(3)? == "0A";
            listens.then(|| columns.get(9).map(|inode| (*inode).to_owned()))?
        })
        .collect()
}

fn command_of(process: u32) -> String {
    let bytes = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let words: Vec<String> =
        bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    // Program and script only: what comes behind may be a secret.
    let text = words
        .iter()
        .filter(|word| !word.starts_with('-'))
        .take(2)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ");
    text.trim().chars().take(120).collect()
}

/// When a process began, as the kernel counts (proc(5): field 22 of `stat`): with its id it names one process for good.
/// `None` where there is no such process, or no `/proc`.
pub(crate) fn start_time(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold spaces and parentheses itself.
    let after = stat.rsplit_once(')')?.1;
    // A zombie holds nothing any more.
    let mut fields = after.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let Port::Taken(Some(owner)) = look(address).unwrap() else { panic!("the port is taken") };
        assert_eq!(owner.process, std::process::id());
        assert!(taken(address, Some(&owner)).message().contains(&format!("process {}", std::process::id())));
        drop(listener);
        assert_eq!(look(address).unwrap(), Port::Free);
    }

    #[test]
    fn an_address_of_another_machine_is_named_as_such() {
        let error = look("192.0.2.1:8080".parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn this_process_began_and_has_not_changed() {
        let own = start_time(std::process::id());
        assert!(own.is_some());
        assert_eq!(own, start_time(std::process::id()));
        assert_eq!(start_time(u32::MAX), None);
    }
}
