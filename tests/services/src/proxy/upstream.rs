//! Asking the registry behind the proxy, one connection for each request.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::answer::Answer;
use super::message::Request;

/// A request on its way to the registry.
pub(super) struct Upstream {
    stream: TcpStream,
    /// Whether the registry has stopped listening: it has answered already.
    deaf: bool,
}

impl Upstream {
    /// Sends the head of a request whose body has `length` bytes. HTTP/1.0, so that the answer ends with the connection.
    pub(super) async fn ask(address: &str, request: &Request, length: u64) -> Result<Self> {
        let mut head = format!("{} {} HTTP/1.0\r\n", request.method, request.target);
        for (name, value) in &request.headers {
            let between_us = ["connection", "content-length", "transfer-encoding", "expect", "authorization"];
            if !between_us.contains(&name.to_ascii_lowercase().as_str()) {
                head.extend([name, ": ", value, "\r\n"]);
            }
        }
        head.extend(["Content-Length: ", &length.to_string(), "\r\n\r\n"]);
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        Ok(Self { stream, deaf: false })
    }

    /// Sends a piece of the body.
    pub(super) async fn send(&mut self, piece: &[u8]) {
        if !self.deaf {
            self.deaf = self.stream.write_all(piece).await.is_err();
        }
    }

    /// Reads the answer to its end.
    pub(super) async fn answer(mut self) -> Result<Answer> {
        let mut text = Vec::new();
        self.stream.read_to_end(&mut text).await?;
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Response::new(&mut headers);
        let end = match parsed.parse(&text) {
            Ok(httparse::Status::Complete(end)) => end,
            Ok(httparse::Status::Partial) => return Err(bad("an answer that breaks off")),
            Err(wrong) => return Err(bad(&wrong.to_string())),
        };
        let mut answer = Answer::status(parsed.code.unwrap_or_default());
        for header in parsed.headers.iter() {
            if !header.name.eq_ignore_ascii_case("connection") {
                answer
                    .headers
                    .push((header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()));
            }
        }
        answer.body = text.split_off(end);
        Ok(answer)
    }
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}
