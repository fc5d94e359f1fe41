//! Until when a caller waits: `grpc-timeout`, `connect-timeout-ms`.
use std::future::Future;
use std::time::Duration;

use axum::http::HeaderMap;
use portcullis_domain::{Code, Error, Result};
use tokio::time::Instant;

/// Until when the caller waits, if they say so.
pub fn of(headers: &HeaderMap) -> Result<Option<Instant>> {
    Ok(limit(headers)?.and_then(|limit| Instant::now().checked_add(limit)))
}

fn limit(headers: &HeaderMap) -> Result<Option<Duration>> {
    if let Some(value) = headers.get("grpc-timeout") {
        let wrong = || Error::field("grpc-timeout", "At most 8 digits and one of H, M, S, m, u, n.");
        return value.to_str().ok().and_then(grpc).map(Some).ok_or_else(wrong);
    }
    if let Some(value) = headers.get("connect-timeout-ms") {
        let wrong = || Error::field("connect-timeout-ms", "At most 10 digits.");
        let millis = value.to_str().ok().and_then(|text| digits(text, 10));
        return millis.map(|n| Some(Duration::from_millis(n))).ok_or_else(wrong);
    }
    Ok(None)
}

fn grpc(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let n = digits(number, 8)?;
    Some(match unit {
        "H" => Duration::from_secs(n * 3_600),
        "M" => Duration::from_secs(n * 60),
        "S" => Duration::from_secs(n),
        "m" => Duration::from_millis(n),
        "u" => Duration::from_micros(n),
        "n" => Duration::from_nanos(n),
        _ => return None,
    })
}

fn digits(text: &str, most: usize) -> Option<u64> {
    let fine = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fine { text.parse().ok() } else { None }
}

/// Too late.
pub fn exceeded() -> Error {
    Error::new(Code::DeadlineExceeded, "The call took longer than you wait for it.")
}

/// The outcome of some work, if it is there in time.
pub async fn within<T>(until: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    match until {
        Some(until) if until <= Instant::now() => Err(exceeded()),
        Some(until) => tokio::time::timeout_at(until, work).await.unwrap_or_else(|_| Err(exceeded())),
        None => work.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_bounds() {
        assert_eq!(grpc("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        for (text, millis) in [("2M", 120_000), ("3S", 3_000), ("15m", 15), ("1000u", 1), ("1000000n", 1)] {
            assert_eq!(grpc(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "S", "1", "1s", "123456789S", "-1S", "+1S", "1 S", "1é"] {
            assert_eq!(grpc(bad), None, "{bad}");
        }
    }
}
