//! Reading a request's body: its media type, its size, its time.
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use portcullis_domain::{Code, Error, Result};

use crate::config::EdgeConfig;

/// 413 with the limit.
pub fn too_large(limit: usize) -> Error {
    Error::new(Code::PayloadTooLarge, format!("The body may have at most {limit} bytes.")).detail("limit_bytes", limit)
}

/// The whole body, at most `config.body_limit` bytes of it. One that is larger is read on and thrown away up to
/// `config.drain_limit`, so that a client that writes first and reads afterwards sees the 413 (decision 39).
pub async fn read(config: &EdgeConfig, body: Body) -> Result<Bytes> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let late = || Error::field("", "The body did not arrive in time.");
    tokio::time::timeout(config.body_timeout, collect(config.body_limit, config.drain_limit, body))
        .await
        .unwrap_or_else(|_| Err(late()))
}

/// 413 now if the length that is declared says so; else the body as it was.
pub async fn demand_size(config: &EdgeConfig, body: Body) -> Result<Body> {
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) <= config.body_limit {
        return Ok(body);
    }
    read(config, body).await.map(Body::from)
}

/// Reads on and throws away what a refused caller still sends, up to `config.drain_limit`, so that a client that writes first and
/// reads afterwards sees why. Nothing of it is kept.
pub async fn discard(config: &EdgeConfig, body: Body) {
    if !body.is_end_stream() {
        let _ = tokio::time::timeout(config.body_timeout, drained(0, config.drain_limit, 0, body)).await;
    }
}

async fn collect(limit: usize, drain: usize, mut body: Body) -> Result<Bytes> {
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > limit {
        return Err(drained(limit, drain, 0, body).await);
    }
    // The first frame is nearly always the whole body: it is taken as it is, without a copy.
    let Some(first) = frame(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(drained(limit, drain, first.len(), body).await);
    }
    let Some(second) = frame(&mut body).await? else { return Ok(first) };
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(limit);
    let mut all = BytesMut::with_capacity(first.len() + second.len() + expected);
    all.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(data) = next {
        if all.len() + data.len() > limit {
            return Err(drained(limit, drain, all.len() + data.len(), body).await);
        }
        all.extend_from_slice(&data);
        next = frame(&mut body).await?;
    }
    Ok(all.freeze())
}

/// The next piece of data; trailers are passed over.
async fn frame(body: &mut Body) -> Result<Option<Bytes>> {
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) if data.is_empty() => {}
            Ok(Ok(data)) => return Ok(Some(data)),
            Ok(Err(_trailers)) => {}
            Err(_broken) => return Err(Error::field("", "The body broke off.")),
        }
    }
    Ok(None)
}

async fn drained(limit: usize, drain: usize, mut seen: usize, mut body: Body) -> Error {
    while seen <= drain {
        match frame(&mut body).await {
            Ok(Some(data)) => seen += data.len(),
            Ok(None) | Err(_) => break,
        }
    }
    too_large(limit)
}

/// Is the declared type `media` (its parameters apart)? Other character sets than UTF-8 are refused.
pub fn is_type(headers: &HeaderMap, media: &str) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(|v| v.to_str()) else { return false };
    let mut parts = value.split(';').map(str::trim);
    let utf8 = |p: &str| match p.split_once('=') {
        Some((name, set)) if name.trim().eq_ignore_ascii_case("charset") => {
            set.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    parts.next().is_some_and(|t| t.eq_ignore_ascii_case(media)) && parts.all(utf8)
}

/// 415 unless the declared type is `media`.
pub fn demand_type(headers: &HeaderMap, media: &'static str) -> Result<()> {
    if is_type(headers, media) {
        return Ok(());
    }
    let hint = format!("Send the body as {media} in UTF-8.");
    Err(Error::new(Code::UnsupportedMediaType, hint).detail("expected", media))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn config() -> EdgeConfig {
        EdgeConfig { body_limit: 10, drain_limit: 40, ..EdgeConfig::default() }
    }
    fn chunks(sizes: &[usize]) -> Body {
        let mut left: Vec<Bytes> = sizes.iter().map(|n| Bytes::from(vec![b'x'; *n])).collect();
        left.reverse();
        Body::new(Chunks(left))
    }
    struct Chunks(Vec<Bytes>);
    impl hyper::body::Body for Chunks {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Ready(self.0.pop().map(|b| Ok(hyper::body::Frame::data(b))))
        }
    }

    #[tokio::test]
    async fn bodies_up_to_the_limit_are_read() {
        for sizes in [&[][..], &[0], &[10], &[5, 5], &[1, 2, 3, 4]] {
            let want: usize = sizes.iter().sum();
            assert_eq!(read(&config(), chunks(sizes)).await.unwrap().len(), want);
        }
    }

    #[tokio::test]
    async fn larger_ones_are_413_with_the_limit() {
        for body in [Body::from(vec![0; 11]), chunks(&[11]), chunks(&[5, 6]), chunks(&[5; 1000])] {
            let e = read(&config(), body).await.unwrap_err();
            assert_eq!((e.code(), &e.details()["limit_bytes"]), (Code::PayloadTooLarge, &10.into()));
        }
    }

    #[tokio::test]
    async fn a_body_that_never_comes_is_given_up() {
        let config = EdgeConfig { body_timeout: std::time::Duration::from_millis(5), ..config() };
        struct Never;
        impl hyper::body::Body for Never {
            type Data = Bytes;
            type Error = std::convert::Infallible;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
                std::task::Poll::Pending
            }
        }
        assert_eq!(read(&config, Body::new(Never)).await.unwrap_err().code(), Code::InvalidInput);
    }

    #[test]
    fn media_types() {
        let of = |v: &'static str| {
            is_type(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(v))]), "application/json")
        };
        assert!(
            of("application/json") && of("Application/JSON; charset=UTF-8") && of("application/json;charset=\"utf-8\"")
        );
        assert!(!of("text/plain") && !of("application/json; charset=latin1") && !of("application/jsonx") && !of(""));
        assert!(!is_type(&HeaderMap::new(), "application/json"));
    }
}
