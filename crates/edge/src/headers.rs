//! The headers that requests and answers have in common: idempotency, preconditions, ETags, notices.
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use portcullis_domain::{Error, Result};
use std::fmt::Write;

/// `Idempotency-Key`.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// `Idempotency-Replayed`.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// `X-Policy-Notices`.
pub const X_POLICY_NOTICES: HeaderName = HeaderName::from_static("x-policy-notices");

/// A revision that no row has: an `If-Match` that cannot be one of our ETags matches nothing.
const NEVER: i64 = -1;

/// The idempotency key: 1–255 visible ASCII characters, sent once.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let visible = |s: &&str| (1..=255).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_graphic());
    match (first.to_str().ok().filter(visible), values.next()) {
        (Some(key), None) => Ok(Some(key)),
        _ => Err(Error::field("Idempotency-Key", "1 to 255 visible ASCII characters, sent once.")),
    }
}

/// The ETag of a stored resource: strong, `"<revision>"`.
pub fn etag(revision: i64) -> HeaderValue {
    // INVARIANT: digits, a sign and quotes are always a valid header value
    HeaderValue::from_str(&format!("\"{revision}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// The revision that `If-Match` demands. `*` demands only that the thing is there, which every write checks anyway: `None`.
/// Another server's tag, a weak one (RFC 9110 13.1.1 compares strongly) or one of several matches no revision.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let text = first.to_str().map_err(|_| bad_tag("If-Match"))?.trim();
    if text == "*" {
        return Ok(None);
    }
    if values.next().is_some() || tags(text).next().is_none() {
        return Err(bad_tag("If-Match"));
    }
    match tags(text).collect::<Option<Vec<_>>>().ok_or_else(|| bad_tag("If-Match"))?.as_slice() {
        // what follows a `-` tells apart what is shown beside the resource itself
        [(false, tag)] => Ok(Some(tag.split('-').next().and_then(|n| n.parse().ok()).unwrap_or(NEVER))),
        [(true, _)] => Ok(Some(NEVER)),
        _ => Err(Error::field("If-Match", "One ETag, as it was answered, such as \"3\".")),
    }
}

/// Does `If-None-Match` name this revision (compared weakly), so that the answer is 304? What cannot be read matches nothing.
pub fn none_match(headers: &HeaderMap, revision: i64) -> bool {
    let mut number = String::new();
    let _ = write!(number, "{revision}");
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .any(|text| text.trim() == "*" || tags(text).map_while(|t| t).any(|(_, tag)| tag == number))
}

fn bad_tag(name: &'static str) -> Error {
    Error::field(name, "An ETag in quotes, such as \"3\".")
}

/// Reads a list of entity tags: `(weak, opaque)`; `None` where the text stops making sense.
fn tags(text: &str) -> impl Iterator<Item = Option<(bool, &str)>> {
    let mut rest = Some(text.trim());
    std::iter::from_fn(move || {
        let now = rest.take().filter(|r| !r.is_empty())?;
        let (weak, quoted) = now.strip_prefix("W/").map_or((false, now), |q| (true, q));
        let Some((tag, after)) = quoted.strip_prefix('"').and_then(|q| q.split_once('"')) else { return Some(None) };
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(more) => rest = Some(more.trim_start()),
            None if after.is_empty() => {}
            None => return Some(None),
        }
        Some(Some((weak, tag)))
    })
}

/// Bytes of notices in the header: clients refuse a head that is too long. Errors carry them all in their body.
const NOTICES: usize = 4_096;

/// Notices as a JSON array in ASCII, other characters as `\uXXXX`; `None` when there are none. What does not fit is left out.
pub fn notices(list: &[String]) -> Option<HeaderValue> {
    let mut room = NOTICES;
    let mut fits = |n: &&String| {
        // a character takes at most 12 bytes (two escaped units), and a notice two quotes and a comma
        let cost: usize = n.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { 2 } else { 12 }).sum::<usize>() + 3;
        room.checked_sub(cost).map(|left| room = left).is_some()
    };
    let list: Vec<&String> = list.iter().take_while(|n| fits(n)).collect();
    if list.is_empty() {
        return None;
    }
    let json = serde_json::to_string(&list).ok()?;
    let mut ascii = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        // DEL is the one control character that JSON leaves as it is and a header refuses
        if c.is_ascii() && c != '\u{7f}' {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    HeaderValue::try_from(ascii).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn idempotency_keys_are_visible_ascii() {
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        assert_eq!(idempotency_key(&one(IDEMPOTENCY_KEY, "a-1")).unwrap(), Some("a-1"));
        for bad in ["", "a b", &"x".repeat(256)] {
            assert!(idempotency_key(&one(IDEMPOTENCY_KEY, bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn if_match_reads_our_tags_and_matches_no_others() {
        let read = |s: &str| if_match(&one(header::IF_MATCH, s)).map_err(|e| e.code());
        assert_eq!(read("\"3\""), Ok(Some(3)));
        assert_eq!(read(" * "), Ok(None));
        assert_eq!(read("W/\"3\""), Ok(Some(NEVER)));
        assert_eq!(read("\"abc\""), Ok(Some(NEVER)));
        for bad in ["3", "", "\"3", "\"3\", \"4\"", "\"3\" x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let matches = |s: &str| none_match(&one(header::IF_NONE_MATCH, s), 3);
        assert!(matches("\"3\"") && matches("W/\"3\"") && matches("\"1\", \"3\"") && matches("*"));
        assert!(!matches("\"4\"") && !matches("3") && !matches("") && !none_match(&HeaderMap::new(), 3));
    }

    proptest! {
        #[test]
        fn notices_are_ascii_json_that_reads_back(list in proptest::collection::vec("\\PC{0,20}|[\u{0}-\u{ff}]{0,8}", 1..4)) {
            let header = notices(&list).unwrap();
            let text = header.to_str().unwrap();
            prop_assert!(text.is_ascii());
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(text).unwrap(), list);
        }
        #[test]
        fn no_precondition_header_panics(s in "[ -~]{0,40}") {
            let _ = if_match(&one(header::IF_MATCH, &s));
            let _ = none_match(&one(header::IF_NONE_MATCH, &s), 1);
        }
    }
}
