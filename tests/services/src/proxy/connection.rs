//! One connection of a client, from its first request to its end.

use std::io::Result;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::Shared;
use super::answer::Answer;
use super::fault::{Fault, Moment};
use super::log::Exchange;
use super::message::{BodyLength, Client, Request, read_chunks};
use super::upstream::Upstream;

/// What becomes of the connection after a request.
enum Next {
    Keep,
    Close,
    Reset,
}

/// Answers requests until the client or a fault ends the connection.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut client = BufReader::with_capacity(64 * 1024, stream);
    // A client that goes away in the middle is no failure of the proxy.
    while let Ok(Some(request)) = Request::read(&mut client).await {
        let mut exchange = Turn::begin(&shared, request);
        let next = exchange.run(&mut client).await;
        match next {
            Ok(Next::Keep) => {}
            Ok(Next::Reset) => {
                drop(client.get_ref().set_zero_linger());
                return;
            }
            Ok(Next::Close) | Err(_) => return,
        }
    }
}

/// One request on a connection.
struct Turn<'a> {
    shared: &'a Shared,
    request: Request,
    /// The place of its exchange in the log.
    place: usize,
    refused: Option<Answer>,
    fault: Option<Fault>,
}

impl<'a> Turn<'a> {
    fn begin(shared: &'a Shared, request: Request) -> Self {
        let mut state = shared.state();
        let fault = state.rules.iter_mut().find_map(|rule| rule.meet(&request.method, &request.target));
        let refused = match &fault {
            None => state.tokens.as_mut().and_then(|tokens| tokens.judge(&request, &shared.address)),
            Some(_) => None,
        };
        let place = state.exchanges.len();
        state.exchanges.push(Exchange {
            method: request.method.clone(),
            target: request.target.clone(),
            authorization: request.header("authorization").map(str::to_owned),
            sent: 0,
            status: None,
            received: 0,
            faulted: fault.is_some(),
        });
        drop(state);
        Self { shared, request, place, refused, fault }
    }

    async fn run(&mut self, client: &mut Client) -> Result<Next> {
        if let Some(answer) = self.refused.take() {
            self.drain(client).await?;
            return self.reply(client, &answer).await;
        }
        match self.fault.take() {
            None => {
                let path = self.request.target.split('?').next().unwrap_or_default();
                let kept = self.shared.state().kept.get(path).cloned();
                let answer = match kept.filter(|_| self.request.method == "GET") {
                    Some(answer) => answer,
                    None => self.forward(client, None).await?,
                };
                self.reply(client, &answer).await
            }
            Some(fault) => self.fail(client, fault).await,
        }
    }

    async fn fail(&mut self, client: &mut Client, fault: Fault) -> Result<Next> {
        match fault {
            Fault::Delay(delay) => {
                tokio::time::sleep(delay).await;
                let answer = self.forward(client, None).await?;
                self.reply(client, &answer).await
            }
            Fault::Hold { .. } => {
                let answer = self.forward(client, Some(&fault)).await?;
                self.reply(client, &answer).await
            }
            Fault::Reset(moment) => self.reset(client, moment).await,
            Fault::Keep(bytes) => {
                self.keep(client, bytes).await?;
                Ok(Next::Reset)
            }
            Fault::Answer(answer) => {
                self.drain(client).await?;
                self.reply(client, &answer).await
            }
            Fault::AnswerEarly(answer) => {
                self.reply(client, &answer.with_header("Connection", "close")).await?;
                client.get_mut().shutdown().await?;
                // Closing with unread bytes would be a reset, which may overtake the answer.
                self.drain(client).await?;
                Ok(Next::Close)
            }
            Fault::WithoutQuery => {
                let path = self.request.target.find('?').unwrap_or(self.request.target.len());
                self.request.target.truncate(path);
                let answer = self.forward(client, None).await?;
                self.reply(client, &answer).await
            }
            Fault::Redirect(to) => {
                self.drain(client).await?;
                let to = format!("{to}{}", self.request.target);
                self.reply(client, &Answer::status(307).with_header("Location", &to)).await
            }
            Fault::Hang => {
                self.drain(client).await?;
                // Ends when the client goes away.
                let mut rest = Vec::new();
                client.read_to_end(&mut rest).await?;
                Ok(Next::Close)
            }
            altering => {
                let answer = self.forward(client, None).await?;
                self.alter(client, answer, altering).await
            }
        }
    }

    /// Faults in what the registry answered.
    async fn alter(&mut self, client: &mut Client, mut answer: Answer, fault: Fault) -> Result<Next> {
        match fault {
            Fault::Replace(other) => answer = other,
            Fault::Status(status) => answer.status = status,
            Fault::Header(name, value) => answer.set(name, value.as_deref()),
            Fault::Corrupt => {
                let middle = answer.body.len() / 2;
                if let Some(byte) = answer.body.get_mut(middle) {
                    *byte ^= 1;
                }
            }
            Fault::Truncate(length) => {
                let head = answer.head(Some(answer.body.len() as u64));
                answer.body.truncate(length);
                self.send(client, &answer, &head).await?;
                return Ok(Next::Close);
            }
            Fault::Length(length) => {
                let head = answer.head(Some(length));
                self.send(client, &answer, &head).await?;
                return Ok(Next::Close);
            }
            Fault::Trickle { piece, pause } => {
                client.write_all(&answer.head(Some(answer.body.len() as u64))).await?;
                self.told(answer.status, answer.body.len());
                for part in answer.body.chunks(piece.max(1)) {
                    client.write_all(part).await?;
                    tokio::time::sleep(pause).await;
                }
                return Ok(Next::Keep);
            }
            // The rest happens before the registry is asked.
            _ => {}
        }
        self.reply(client, &answer).await
    }

    async fn reset(&mut self, client: &mut Client, moment: Moment) -> Result<Next> {
        match moment {
            Moment::BeforeAnswer => self.drain(client).await?,
            Moment::AfterEffect => {
                self.forward(client, None).await?;
            }
            Moment::InRequest(after) => {
                let BodyLength::Known(length) = self.request.body else {
                    self.drain(client).await?;
                    return Ok(Next::Reset);
                };
                let mut upstream = Upstream::ask(&self.shared.upstream, &self.request, length).await?;
                self.copy(client, &mut upstream, after.min(length)).await?;
            }
            Moment::InAnswer(after) => {
                let mut answer = self.forward(client, None).await?;
                let head = answer.head(Some(answer.body.len() as u64));
                answer.body.truncate(after);
                self.send(client, &answer, &head).await?;
            }
        }
        Ok(Next::Reset)
    }

    /// Stores the beginning of an upload as a part, and remembers how far it is.
    async fn keep(&mut self, client: &mut Client, bytes: u64) -> Result<()> {
        let mut part = self.request.clone();
        "PATCH".clone_into(&mut part.method);
        let (path, query) = part.target.split_once('?').unwrap_or((&part.target, ""));
        let path = path.to_owned();
        // The digest is for the whole.
        let query: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("digest=")).collect();
        part.target = format!("{path}?{}", query.join("&"));
        let mut upstream = Upstream::ask(&self.shared.upstream, &part, bytes).await?;
        self.copy(client, &mut upstream, bytes).await?;
        let stored = upstream.answer().await?;
        let mut told = Answer::status(204).with_header("Range", &format!("0-{}", bytes.saturating_sub(1)));
        told.set("Location", stored.header("location"));
        self.shared.state().kept.insert(path, told);
        Ok(())
    }

    /// Hands the request to the registry and gives its answer; waits at a gate on the way.
    async fn forward(&mut self, client: &mut Client, hold: Option<&Fault>) -> Result<Answer> {
        let hold = match hold {
            Some(Fault::Hold { after, gate }) => Some((*after, gate)),
            _ => None,
        };
        let length = match self.request.body {
            BodyLength::Known(length) => length,
            BodyLength::Chunked => {
                let body = read_chunks(client).await?;
                self.sent(body.len() as u64);
                let mut upstream =
                    Upstream::ask(&self.shared.upstream, &self.request, body.len() as u64).await?;
                if let Some((_, gate)) = hold {
                    gate.pass().await;
                }
                upstream.send(&body).await;
                return upstream.answer().await;
            }
        };
        let mut upstream = Upstream::ask(&self.shared.upstream, &self.request, length).await?;
        let before = hold.map_or(0, |(after, _)| after.min(length));
        self.copy(client, &mut upstream, before).await?;
        if let Some((_, gate)) = hold {
            gate.pass().await;
        }
        self.copy(client, &mut upstream, length - before).await?;
        upstream.answer().await
    }

    /// Copies bytes of the request's body to the registry.
    async fn copy(&mut self, client: &mut Client, upstream: &mut Upstream, bytes: u64) -> Result<()> {
        self.take(client, Some(upstream), bytes).await
    }

    /// Reads the request's body and drops it.
    async fn drain(&mut self, client: &mut Client) -> Result<()> {
        match self.request.body {
            BodyLength::Known(length) => self.take(client, None, length).await,
            BodyLength::Chunked => {
                let body = read_chunks(client).await?;
                self.sent(body.len() as u64);
                Ok(())
            }
        }
    }

    async fn take(
        &mut self,
        client: &mut Client,
        mut upstream: Option<&mut Upstream>,
        mut left: u64,
    ) -> Result<()> {
        let mut piece = vec![0; 64 * 1024];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            let read = client.read(piece.get_mut(..most).unwrap_or_default()).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.sent(read as u64);
            if let Some(upstream) = &mut upstream {
                upstream.send(piece.get(..read).unwrap_or_default()).await;
            }
            left -= read as u64;
        }
        Ok(())
    }

    async fn reply(&mut self, client: &mut Client, answer: &Answer) -> Result<Next> {
        // An answer to HEAD names the length of what it does not send.
        let named = answer.header("content-length").and_then(|length| length.parse().ok());
        let length = if self.request.method == "HEAD" { named } else { Some(answer.body.len() as u64) };
        let length = length.filter(|_| answer.status != 204 && answer.status != 304);
        let head = answer.head(length);
        self.send(client, answer, &head).await?;
        Ok(Next::Keep)
    }

    async fn send(&mut self, client: &mut Client, answer: &Answer, head: &[u8]) -> Result<()> {
        let body = if self.request.method == "HEAD" { &[] } else { answer.body.as_slice() };
        self.told(answer.status, body.len());
        client.write_all(head).await?;
        client.write_all(body).await?;
        client.flush().await
    }

    fn sent(&self, bytes: u64) {
        if let Some(exchange) = self.shared.state().exchanges.get_mut(self.place) {
            exchange.sent += bytes;
        }
    }

    fn told(&self, status: u16, bytes: usize) {
        if let Some(exchange) = self.shared.state().exchanges.get_mut(self.place) {
            exchange.status = Some(status);
            exchange.received += bytes as u64;
        }
    }
}
