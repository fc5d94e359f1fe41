//! gRPC and gRPC-Web: Connect, told in their words (spec v1beta1 1.2).
//!
//! A call of theirs is a Connect call in a frame, and its answer is a Connect answer whose status and error travel in trailers. So
//! the frame is taken off where the body is read ([`Wire::open`]), and everything else is translated outside of all else
//! ([`speak`]): handlers, limits, log and metrics see a Connect call.
use std::convert::Infallible;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use portcullis_domain::{Code, Error, Result};
use serde_json::Value;

use crate::encoding::Encoding;
use crate::envelope::{END, seal};
use crate::error;

/// Set on the frame in which gRPC-Web's trailers travel.
const TRAILERS: u8 = 0x80;
/// Clients refuse a head that is too long: longer texts are cut, larger details left out.
const LONGEST: usize = 4_096;

/// How a call of this family is dressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dress {
    /// gRPC: frames in the body, trailers in HTTP/2's.
    Plain,
    /// gRPC-Web: trailers in a last frame.
    Web,
    /// The same in base64.
    WebText,
}

/// The protocol of a call, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    dress: Dress,
    encoding: Encoding,
    media: &'static str,
}
impl Wire {
    const ALL: [Self; 9] = {
        use Dress::{Plain, Web, WebText};
        use Encoding::{ConnectJson, ConnectProto};
        const fn wire(media: &'static str, dress: Dress, encoding: Encoding) -> Wire {
            Wire { dress, encoding, media }
        }
        [
            wire("application/grpc", Plain, ConnectProto),
            wire("application/grpc+proto", Plain, ConnectProto),
            wire("application/grpc+json", Plain, ConnectJson),
            wire("application/grpc-web", Web, ConnectProto),
            wire("application/grpc-web+proto", Web, ConnectProto),
            wire("application/grpc-web+json", Web, ConnectJson),
            wire("application/grpc-web-text", WebText, ConnectProto),
            wire("application/grpc-web-text+proto", WebText, ConnectProto),
            wire("application/grpc-web-text+json", WebText, ConnectJson),
        ]
    };

    fn of(headers: &HeaderMap) -> Option<Self> {
        // nearly all calls are none of these
        const FAMILY: &[u8] = b"application/grpc";
        let media = headers.get(header::CONTENT_TYPE)?.as_bytes();
        media.get(..FAMILY.len()).filter(|m| m.eq_ignore_ascii_case(FAMILY))?;
        Self::ALL.into_iter().find(|w| portcullis_edge::body::is_type(headers, w.media))
    }
    /// How its messages are written.
    pub const fn encoding(self) -> Encoding {
        self.encoding
    }
    /// The one message of a request's body.
    pub fn open(self, body: Bytes) -> Result<Bytes> {
        let body = if self.dress == Dress::WebText { unpadded(&body)? } else { body };
        let broken = || Error::field("", "The body must be one message in a frame of its length.");
        let unsupported = |what| Err(Error::new(Code::NotImplemented, what));
        let Some((head, rest)) = body.split_at_checked(5) else {
            return if body.is_empty() {
                unsupported("This call takes one message; there was none.")
            } else {
                Err(broken())
            };
        };
        let length = head[1..].iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        match head[0] {
            1 => unsupported("Compressed messages are not supported; send it as it is (grpc-encoding: identity)."),
            0 if rest.len() > length => unsupported("This call takes one message; there was more."),
            0 if rest.len() == length => Ok(body.slice(5..)),
            _ => Err(broken()),
        }
    }

    /// A Connect answer in the words of this protocol.
    async fn tell(self, answer: Response) -> Response {
        let (mut head, body) = answer.into_parts();
        let streams =
            head.headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/connect"));
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
        head.headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        let refused = head.status.is_client_error() || head.status.is_server_error();
        head.status = StatusCode::OK;
        if streams {
            return Response::from_parts(head, self.body(body.into_data_stream().map(move |piece| self.retell(piece))));
        }
        // an answer that is no stream is whole in memory already
        let whole = to_bytes(body, usize::MAX).await;
        let status = match &whole {
            Ok(body) if refused => Status::of(body),
            Ok(_) => Status::default(),
            Err(_) => Status::of(b""),
        };
        let trailers = status.trailers();
        match whole {
            Ok(message) if !refused => {
                let frames = vec![Frame::data(seal(0, &message)), self.end(trailers)];
                Response::from_parts(head, self.body(stream::iter(frames)))
            }
            _ if self.dress == Dress::Plain => {
                head.headers.extend(trailers);
                Response::from_parts(head, Body::empty())
            }
            _ => Response::from_parts(head, self.body(stream::iter([self.end(trailers)]))),
        }
    }
    /// One envelope of a Connect stream: messages are frames as they are, the end becomes trailers.
    fn retell(self, piece: std::result::Result<Bytes, axum::Error>) -> Frame<Bytes> {
        match piece {
            Ok(envelope) if envelope.first() == Some(&END) => {
                let end: Value = serde_json::from_slice(envelope.get(5..).unwrap_or_default()).unwrap_or_default();
                let status = end.get("error").map_or_else(Status::default, Status::read);
                self.end(status.trailers())
            }
            Ok(message) => Frame::data(message),
            Err(_) => self.end(Status::of(b"").trailers()),
        }
    }
    fn end(self, trailers: HeaderMap) -> Frame<Bytes> {
        if self.dress == Dress::Plain {
            return Frame::trailers(trailers);
        }
        let mut text = vec![];
        for (name, value) in &trailers {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        Frame::data(seal(TRAILERS, &text))
    }
    fn body(self, frames: impl stream::Stream<Item = Frame<Bytes>> + Send + 'static) -> Body {
        Body::new(StreamBody::new(frames.map(move |frame| {
            let frame = match self.dress {
                Dress::WebText => frame.map_data(|data| Bytes::from(STANDARD.encode(data))),
                Dress::Plain | Dress::Web => frame,
            };
            Ok::<_, Infallible>(frame)
        })))
    }
}

/// base64 in pieces, each of which may be padded.
fn unpadded(text: &[u8]) -> Result<Bytes> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for piece in text.chunk_by(|a, b| *a != b'=' || *b == b'=') {
        STANDARD.decode_vec(piece, &mut out).map_err(|_| Error::field("", "The body must be base64."))?;
    }
    Ok(out.into())
}

/// The middleware around the routes of Connect.
pub async fn speak(mut request: Request, next: Next) -> Response {
    let Some(wire) = Wire::of(request.headers()) else { return next.run(request).await };
    if wire.dress == Dress::Plain && request.version() < Version::HTTP_2 {
        return (StatusCode::HTTP_VERSION_NOT_SUPPORTED, "gRPC needs HTTP/2; use gRPC-Web or Connect.\n")
            .into_response();
    }
    request.extensions_mut().insert(wire);
    let answer = next.run(request).await;
    wire.tell(answer).await
}

/// How a call ended. The default is well.
#[derive(Debug, Default, PartialEq, Eq)]
struct Status {
    code: u8,
    message: String,
    /// `google.rpc.Status`, when there is more to say.
    details: Vec<u8>,
}
impl Status {
    /// From the body of a Connect refusal; one that cannot be read is `unknown`.
    fn of(body: &[u8]) -> Self {
        Self::read(&serde_json::from_slice(body).unwrap_or_default())
    }
    fn read(error: &Value) -> Self {
        let text = |v: &Value, name: &str| v.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (code, _) = error::number(&text(error, "code"));
        let message = text(error, "message");
        let mut details = vec![];
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            let mut any = vec![];
            error::block(1, format!("type.googleapis.com/{}", text(detail, "type")).as_bytes(), &mut any);
            error::block(2, &STANDARD_NO_PAD.decode(text(detail, "value")).unwrap_or_default(), &mut any);
            error::block(3, &any, &mut details);
        }
        if !details.is_empty() {
            let mut whole = vec![8, code]; // code = 1; below 128, so one byte
            error::block(2, message.as_bytes(), &mut whole);
            whole.append(&mut details);
            details = whole;
        }
        Self { code, message, details }
    }
    fn trailers(&self) -> HeaderMap {
        let mut out = HeaderMap::new();
        out.insert("grpc-status", HeaderValue::from(u16::from(self.code)));
        let mut put = |name: &'static str, text: String| {
            if let (false, Ok(value)) = (text.is_empty(), HeaderValue::try_from(text)) {
                out.insert(HeaderName::from_static(name), value);
            }
        };
        put("grpc-message", percent(&self.message));
        if self.details.len() <= LONGEST {
            put("grpc-status-details-bin", STANDARD_NO_PAD.encode(&self.details));
        }
        out
    }
}

/// Visible ASCII as it is, all else as `%XX`; cut where it grows too long.
fn percent(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for c in message.chars() {
        if out.len() > LONGEST {
            break;
        }
        if matches!(c, ' '..='~') && c != '%' {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(media: &'static str) -> Wire {
        Wire::of(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media))])).unwrap()
    }

    #[test]
    fn media_types() {
        assert_eq!(wire("application/grpc").encoding(), Encoding::ConnectProto);
        assert_eq!(wire("Application/gRPC+json; charset=utf-8").encoding(), Encoding::ConnectJson);
        assert_eq!(wire("application/grpc-web-text+proto").dress, Dress::WebText);
        for other in ["application/grpc+thrift", "application/grpcx", "application/json"] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(other))]);
            assert_eq!(Wire::of(&headers), None);
        }
    }

    #[test]
    fn one_message_in_one_frame() {
        let plain = wire("application/grpc");
        let code = |body: &'static [u8]| plain.open(Bytes::from_static(body)).map_err(|e| e.code());
        assert_eq!(code(b"\0\0\0\0\x02{}"), Ok(Bytes::from_static(b"{}")));
        assert_eq!(code(b"\0\0\0\0\0"), Ok(Bytes::new()));
        assert_eq!(code(b""), Err(Code::NotImplemented), "no message");
        assert_eq!(code(b"\0\0\0\0\0\0\0\0\0\0"), Err(Code::NotImplemented), "two messages");
        assert_eq!(code(b"\x01\0\0\0\x02{}"), Err(Code::NotImplemented), "compressed");
        for broken in [&b"\0\0"[..], b"\0\0\0\0\x03{}", b"\0\xff\xff\xff\xff", b"\x80\0\0\0\0", b"\x02\0\0\0\0"] {
            assert_eq!(code(broken), Err(Code::InvalidInput), "{broken:?}");
        }
        let text = wire("application/grpc-web-text");
        for body in ["AAAAAAJ7fQ==", "AAAAAAI=e30=", "AA==AAAAAg==ew==fQ=="] {
            let whole = text.open(Bytes::from_static(body.as_bytes()));
            assert_eq!(whole.ok().as_deref(), Some(b"{}".as_slice()), "{body}");
        }
        assert_eq!(text.open(Bytes::from_static(b"%%%%")).map_err(|e| e.code()), Err(Code::InvalidInput));
    }

    #[test]
    fn texts_are_percent_encoded_and_cut() {
        assert_eq!(percent("50 % é\n"), "50 %25 %C3%A9%0A");
        assert!(percent(&"é".repeat(100_000)).len() < LONGEST + 8);
        let long = Status { code: 3, message: "x".into(), details: vec![0; LONGEST + 1] };
        assert_eq!(long.trailers().len(), 2, "too large details are left out");
    }

    #[test]
    fn a_refusal_keeps_code_text_and_details() {
        let answer = error::answer(Encoding::ConnectJson, &Error::field("email", "Enter an e-mail address."));
        let status = Status::of(&answer.body);
        assert_eq!((status.code, &*status.message), (3, "invalid syntax in body: email: Enter an e-mail address."));
        assert_eq!(status.details[..2], [8, 3]);
        let details = String::from_utf8_lossy(&status.details).into_owned();
        assert!(details.contains("type.googleapis.com/buf.validate.Violations"), "{details}");
        assert_eq!(Status::of(b"no json").code, 2);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..40), text in "[A-Za-z0-9+/=]{0,40}", which in 0usize..9) {
            let _ = Wire::ALL[which].open(body.into());
            let _ = Wire::ALL[which].open(text.into());
        }
        #[test]
        fn every_message_is_a_header(text in "\\PC{0,60}|[\\x00-\\xff]{0,20}") {
            let status = Status { code: 2, message: text.clone(), details: vec![] };
            prop_assert_eq!(status.trailers().contains_key("grpc-message"), !text.is_empty());
        }
    }
}
