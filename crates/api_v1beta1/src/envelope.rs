//! Connect's streams: messages in envelopes of five bytes and a length, the last one says how it ended.
//!
//! Only exports stream. The request is one enveloped message; the answer is the file in pieces of `google.api.HttpBody`.
use std::convert::Infallible;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use portcullis_domain::{Error, Result};
use prost::encoding::{WireType, encode_key, encode_varint};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::encoding::Encoding;
use crate::{deadline, error};

/// Set on the last envelope.
pub const END: u8 = 2;

/// The one message of a request.
pub fn open(body: &Bytes) -> Result<Bytes> {
    let wrong = || Error::field("", "The body must be one uncompressed enveloped message.");
    let (head, rest) = body.split_at_checked(5).ok_or_else(wrong)?;
    let length = head[1..].iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
    if head[0] != 0 || rest.len() != length {
        return Err(wrong());
    }
    Ok(body.slice(5..))
}

/// The media type of a stream.
pub const fn media(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::ConnectProto => "application/connect+proto",
        Encoding::Rest | Encoding::ConnectJson => "application/connect+json",
    }
}

/// A file as a stream of messages, each envelope a piece of its own. Whoever waits until then gets its end by then.
pub fn stream(encoding: Encoding, media: &'static str, file: Body, until: Option<Instant>) -> Body {
    let late = Box::pin(async move {
        match until {
            Some(until) => tokio::time::sleep_until(until).await,
            None => std::future::pending().await,
        }
    });
    let begin = Some((file.into_data_stream(), late));
    Body::from_stream(futures_util::stream::unfold(begin, move |state| async move {
        let (mut file, mut late) = state?;
        let piece = tokio::select! {
            biased;
            () = &mut late => Some(Err(deadline::exceeded())),
            piece = file.next() => piece.map(|p| p.map_err(|e| reason(&e))),
        };
        let (envelope, state) = match piece {
            Some(Ok(data)) => (seal(0, &http_body(encoding, media, &data)), Some((file, late))),
            Some(Err(e)) => (end(Some(&e)), None),
            None => (end(None), None),
        };
        Some((Ok::<_, Infallible>(envelope), state))
    }))
}

/// Why a file broke off: its own error is wrapped in those of the body.
fn reason(e: &axum::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(e);
    while let Some(e) = cause {
        if let Some(ours) = e.downcast_ref::<Error>() {
            return ours.clone();
        }
        cause = e.source();
    }
    Error::internal(format!("an export broke off: {e}"))
}

/// The last envelope.
pub fn end(e: Option<&Error>) -> Bytes {
    let body = match e {
        None => json!({}),
        Some(e) => {
            let answer = error::answer(Encoding::ConnectJson, e);
            json!({ "error": serde_json::from_slice::<Value>(&answer.body).unwrap_or_default() })
        }
    };
    seal(END, body.to_string().as_bytes())
}

/// A message in its envelope.
pub fn seal(flags: u8, message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(5 + message.len());
    out.put_u8(flags);
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    out.put_slice(message);
    out.freeze()
}

/// `google.api.HttpBody`: content_type = 1, data = 2.
fn http_body(encoding: Encoding, media: &str, data: &[u8]) -> Vec<u8> {
    if encoding != Encoding::ConnectProto {
        return json!({ "content_type": media, "data": STANDARD.encode(data) }).to_string().into_bytes();
    }
    let mut out = Vec::with_capacity(data.len() + 32);
    for (tag, part) in [(1, media.as_bytes()), (2, data)] {
        encode_key(tag, WireType::LengthDelimited, &mut out);
        encode_varint(part.len() as u64, &mut out);
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes() {
        assert_eq!(open(&seal(0, b"{}")).ok().as_deref(), Some(b"{}".as_slice()));
        for bad in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x02{", b"\x01\0\0\0\x02{}", b"\0\0\0\0\x01{}"] {
            assert!(open(&Bytes::from_static(bad)).is_err());
        }
        assert_eq!(&*end(None), b"\x02\0\0\0\x02{}");
    }

    #[tokio::test]
    async fn a_file_that_breaks_off_ends_with_its_reason_and_nothing_after() {
        let file = |last: Result<Bytes>| {
            let pieces = vec![Ok(Bytes::from_static(b"a")), last];
            let body =
                stream(Encoding::ConnectJson, "text/csv", Body::from_stream(futures_util::stream::iter(pieces)), None);
            async { String::from_utf8(axum::body::to_bytes(body, 10_000).await.unwrap().to_vec()).unwrap() }
        };
        let whole = file(Ok(Bytes::from_static(b"b"))).await;
        assert!(whole.ends_with("\x02\0\0\0\x02{}") && whole.matches("\"data\"").count() == 2, "{whole:?}");
        let broken = file(Err(Error::new(portcullis_domain::Code::Forbidden, "No more."))).await;
        assert_eq!(broken.matches('\x02').count(), 1, "{broken:?}");
        let endless = Body::from_stream(futures_util::stream::pending::<Result<Bytes>>());
        let late = stream(Encoding::ConnectJson, "text/csv", endless, Some(Instant::now()));
        let late = axum::body::to_bytes(late, 10_000).await.unwrap();
        assert!(String::from_utf8_lossy(&late).contains("deadline_exceeded"), "{late:?}");
        assert!(broken.contains("permission_denied") && broken.ends_with('}') && !broken.ends_with("{}"), "{broken:?}");
    }
}
