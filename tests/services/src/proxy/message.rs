//! Requests as they arrive (RFC 9112).

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

/// No head is longer.
const HEAD: usize = 64 * 1024;

/// A client's side of a connection.
pub(super) type Client = BufReader<TcpStream>;

/// The head of a request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: BodyLength,
}

/// How long the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyLength {
    Known(u64),
    Chunked,
}

impl Request {
    /// The next head; `None` when the client closes instead.
    pub(super) async fn read(client: &mut Client) -> Result<Option<Self>> {
        let mut text = Vec::new();
        loop {
            let read = client.read_until(b'\n', &mut text).await?;
            if read == 0 {
                return Ok(None);
            }
            if text.ends_with(b"\r\n\r\n") {
                break;
            }
            if text.len() > HEAD {
                return Err(bad("a head without an end"));
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        parsed.parse(&text).map_err(|wrong| bad(&wrong.to_string()))?;
        let headers: Vec<(String, String)> = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
            .collect();
        let mut request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            headers,
            body: BodyLength::Known(0),
        };
        if request.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            request.body = BodyLength::Chunked;
        } else if let Some(length) = request.header("content-length") {
            request.body = BodyLength::Known(length.parse().map_err(|_| bad("a length that is no number"))?);
        }
        Ok(Some(request))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The body of a request that comes in chunks, whole.
pub(super) async fn read_chunks(client: &mut Client) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(|_| bad("a chunk without a size"))?;
        if (&mut *client).take(size).read_to_end(&mut body).await? as u64 != size {
            return Err(bad("a chunk that breaks off"));
        }
        let mut end = String::new();
        client.read_line(&mut end).await?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}
