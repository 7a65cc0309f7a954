//! A small blocking S3 client for preparing data sets and for tests: one connection, no retries, so
//! that a caller knows exactly what was acknowledged.

use crate::clock;
use crate::sign::{Credentials, EMPTY_PAYLOAD, Signer, Unsigned, encode, payload_hash};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A server that says nothing for this long is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// An answer's body is never larger than this.
const BODY_BYTES_MAX: u64 = 4 << 30;

/// An answer in full.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As long as Content-Length said.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `<Code>` of an error answer; empty if there is none.
    pub fn code(&self) -> String {
        element(&self.text(), "Code").unwrap_or_default().to_owned()
    }
}

/// The text of the first `<name>` element of `xml`.
pub fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// A request to be signed and sent. Path and query are percent-encoded, the query is sorted.
#[derive(Default)]
pub struct Call<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Begins with a slash.
    pub path: &'a str,
    /// Without the question mark.
    pub query: &'a str,
    /// Further headers, all signed: names in lower case, sorted.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, whose hash is signed.
    pub body: &'a [u8],
}

/// A client of one server.
pub struct Client {
    host: String,
    signer: Signer,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client of the server at `host` (name or address, and port). Connects with the first call.
    pub fn new(host: &str, credentials: Credentials, region: &str) -> Self {
        Self { host: host.to_owned(), signer: Signer::new(credentials, region), connection: None }
    }

    /// The signer, for requests that are not sent through [`Client::call`].
    pub fn signer(&mut self) -> &mut Signer {
        &mut self.signer
    }

    /// Signs and sends a request and reads the whole answer.
    ///
    /// # Errors
    /// The connection failed or the answer was cut short: nobody knows what the server has done.
    pub fn call(&mut self, call: &Call<'_>) -> io::Result<Answer> {
        let head = self.head(call);
        self.exchange(call.method, &head, call.body)
    }

    /// Sends a request as it stands, and reads the whole answer.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn exchange(&mut self, method: &str, head: &[u8], body: &[u8]) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.host)?,
        };
        connection.get_mut().write_all(head)?;
        connection.get_mut().write_all(body)?;
        let (answer, keep) = read_answer(&mut connection, method == "HEAD")?;
        self.connection = keep.then_some(connection);
        Ok(answer)
    }

    /// The head of a signed request, up to and with the empty line.
    pub fn head(&mut self, call: &Call<'_>) -> Vec<u8> {
        let payload = match call.body {
            [] => EMPTY_PAYLOAD.to_owned(),
            body => payload_hash(body),
        };
        let request = Unsigned {
            method: call.method,
            path: call.path,
            query: call.query,
            host: &self.host,
            headers: call.headers,
            payload: &payload,
        };
        let now = clock::wall();
        let authorization = self.signer.authorization(&request, now);
        let separator = if call.query.is_empty() { "" } else { "?" };
        let mut head = format!(
            "{} {}{separator}{} HTTP/1.1\r\nhost: {}\r\nx-amz-date: {}\r\n\
             x-amz-content-sha256: {payload}\r\nauthorization: {authorization}\r\n\
             content-length: {}\r\n",
            call.method,
            call.path,
            call.query,
            self.host,
            self.signer.stamp(now),
            call.body.len()
        );
        for (name, value) in call.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Makes a bucket; one that is there already is well.
    ///
    /// # Errors
    /// As [`Client::call`], or the server refused.
    pub fn create_bucket(&mut self, bucket: &str) -> io::Result<()> {
        let path = format!("/{bucket}");
        let answer = self.call(&Call { method: "PUT", path: &path, ..Call::default() })?;
        match answer.status {
            200 | 409 => Ok(()),
            status => Err(io::Error::other(format!("{status}: {}", answer.text()))),
        }
    }

    /// PutObject.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn put(&mut self, bucket: &str, key: &str, body: &[u8]) -> io::Result<Answer> {
        self.object("PUT", bucket, key, body)
    }

    /// GetObject.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn get(&mut self, bucket: &str, key: &str) -> io::Result<Answer> {
        self.object("GET", bucket, key, &[])
    }

    /// DeleteObject.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn delete(&mut self, bucket: &str, key: &str) -> io::Result<Answer> {
        self.object("DELETE", bucket, key, &[])
    }

    fn object(&mut self, method: &str, bucket: &str, key: &str, body: &[u8]) -> io::Result<Answer> {
        let path = format!("/{bucket}/{}", encode(key, true));
        self.call(&Call { method, path: &path, body, ..Call::default() })
    }
}

/// Opens a connection with bounded patience.
///
/// # Errors
/// Nobody listens there.
pub fn connect(host: &str) -> io::Result<BufReader<TcpStream>> {
    let address = host.to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::other(format!("{host} has no address")))?;
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    Ok(BufReader::with_capacity(64 << 10, stream))
}

/// Reads one answer, and whether the connection may carry another.
///
/// # Errors
/// The connection failed, or ended before the answer did.
pub fn read_answer(from: &mut impl BufRead, bodiless: bool) -> io::Result<(Answer, bool)> {
    let status_line = line(from)?;
    let status = status_line.split(' ').nth(1).and_then(|text| text.parse().ok());
    let status: u16 = status.ok_or_else(|| invalid(&status_line))?;
    let mut headers = Vec::new();
    loop {
        let header = line(from)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(|| invalid(&header))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    if status == 100 {
        return read_answer(from, bodiless);
    }
    let closes = answer.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
    if bodiless || status == 204 || status == 304 {
        return Ok((answer, !closes));
    }
    if answer.header("transfer-encoding").is_some() {
        answer.body = chunked(from)?;
        return Ok((answer, !closes));
    }
    let length: u64 = match answer.header("content-length") {
        Some(text) => text.parse().map_err(|_| invalid(text))?,
        None => return Err(invalid("neither content-length nor transfer-encoding")),
    };
    answer.body = exactly(from, length)?;
    Ok((answer, !closes))
}

fn chunked(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(from)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(|_| invalid(&size))?;
        body.extend(exactly(from, size)?);
        line(from)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn exactly(from: &mut impl BufRead, length: u64) -> io::Result<Vec<u8>> {
    if length > BODY_BYTES_MAX {
        return Err(invalid("body too large"));
    }
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    if u64::try_from(body.len()).ok() != Some(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

/// One line without its ending; the end of the stream is an error.
fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.take(64 << 10).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| invalid("a head that is no UTF-8"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_cut_short_is_an_error() {
        let mut whole: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        let (answer, keep) = read_answer(&mut whole, false).expect("a whole answer");
        assert_eq!((answer.status, answer.body.as_slice(), keep), (200, &b"abc"[..], true));
        let mut cut: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab";
        assert!(read_answer(&mut cut, false).is_err());
    }

    #[test]
    fn chunks_are_put_together() {
        let mut text: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\
            connection: close\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        let (answer, keep) = read_answer(&mut text, false).expect("a whole answer");
        assert_eq!((answer.body.as_slice(), keep), (&b"abcde"[..], false));
    }
}
