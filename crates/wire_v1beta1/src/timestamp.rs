//! Moments as protobuf's JSON prints them: no fraction, or three or six digits of it.
use std::io::Write;

use portcullis_domain::Timestamp;

/// Appends the quoted RFC 3339 text.
pub(crate) fn write(at: Timestamp, out: &mut Vec<u8>) {
    out.push(b'"');
    let begin = out.len();
    let _ = write!(out, "{at}"); // a Vec takes everything; always "….123456Z"
    let zeros = match at.micros().rem_euclid(1_000_000) {
        0 => ".000000Z".len(),
        n if n % 1000 == 0 => "000Z".len(),
        _ => "Z".len(),
    };
    out.truncate(out.len().saturating_sub(zeros).max(begin));
    out.extend_from_slice(b"Z\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_few_digits_as_it_takes() {
        for (micros, text) in [
            (1_709_461_800_000_000, "\"2024-03-03T10:30:00Z\""),
            (1_709_461_800_120_000, "\"2024-03-03T10:30:00.120Z\""),
            (1_709_461_800_120_583, "\"2024-03-03T10:30:00.120583Z\""),
            (-62_135_596_800_000_000, "\"0001-01-01T00:00:00Z\""),
        ] {
            let mut out = vec![];
            write(Timestamp::from_micros(micros), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
