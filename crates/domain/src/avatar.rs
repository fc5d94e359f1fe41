//! The avatar rule of both surfaces (decision 3): an https URL, or an image as a data URI whose bytes are that image.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest data URI, in bytes, prefix included.
const LONGEST: usize = 262_144;
/// Most pixels a side.
const WIDEST: u32 = 4_096;
/// What anything else than an image is answered.
const HINT: &str = "A data URI of a PNG, JPEG, GIF or WebP image.";

/// Checks an image data URI: type, size, that the bytes are that type, and its dimensions as its header tells them.
pub fn image(uri: String) -> Result<String, String> {
    if uri.len() > LONGEST {
        return Err(format!("At most {LONGEST} bytes; this has {}.", uri.len()));
    }
    let (kind, data) = uri.strip_prefix("data:image/").and_then(|r| r.split_once(";base64,")).ok_or(HINT)?;
    let bytes = STANDARD.decode(data).map_err(|_| HINT)?;
    let size = match kind {
        "png" => png(&bytes),
        "jpeg" | "jpg" => jpeg(&bytes),
        "gif" => gif(&bytes),
        "webp" => webp(&bytes),
        _ => None,
    };
    match size {
        None => Err(HINT.into()),
        Some((w, h)) if w > WIDEST || h > WIDEST => Err(format!("At most {WIDEST} pixels a side; this has {w} × {h}.")),
        Some((0, _) | (_, 0)) => Err(HINT.into()),
        Some(_) => Ok(uri),
    }
}

/// Either of the two, as `/v1beta1` takes it.
pub fn either(avatar: &str) -> Result<(), String> {
    if is_image(avatar) { image(avatar.to_owned()).map(drop) } else { address(avatar).map_err(Into::into) }
}
/// An https URL without credentials, of at most 2,048 characters.
fn address(avatar: &str) -> Result<(), &'static str> {
    const HINT: &str = "An https URL of at most 2,048 characters, or a PNG, JPEG, GIF or WebP image as a data URI.";
    let short = avatar.chars().count() <= 2_048 && !avatar.chars().any(|c| c.is_control() || c.is_whitespace());
    match url::Url::parse(avatar) {
        Ok(u)
            if short && u.scheme() == "https" && u.has_host() && u.username().is_empty() && u.password().is_none() =>
        {
            Ok(())
        }
        _ => Err(HINT),
    }
}
/// Is a stored avatar an image (rather than a URL, which `/v1` does not show)?
pub fn is_image(avatar: &str) -> bool {
    avatar.starts_with("data:")
}

fn be16(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_be_bytes(b.get(at..at + 2)?.try_into().ok()?)))
}
fn le16(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_le_bytes(b.get(at..at + 2)?.try_into().ok()?)))
}
fn be32(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(b.get(at..at + 4)?.try_into().ok()?))
}
fn le24(b: &[u8], at: usize) -> Option<u32> {
    let b = b.get(at..at + 3)?;
    Some(u32::from_le_bytes([b[0], b[1], b[2], 0]))
}

/// Signature, then the IHDR chunk (PNG 11.2.1).
fn png(b: &[u8]) -> Option<(u32, u32)> {
    let begins = b.starts_with(b"\x89PNG\r\n\x1a\n") && b.get(12..16) == Some(b"IHDR");
    if begins { Some((be32(b, 16)?, be32(b, 20)?)) } else { None }
}

/// Signature, then the logical screen descriptor.
fn gif(b: &[u8]) -> Option<(u32, u32)> {
    let begins = b.starts_with(b"GIF87a") || b.starts_with(b"GIF89a");
    if begins { Some((le16(b, 6)?, le16(b, 8)?)) } else { None }
}

/// RIFF container with a lossy, lossless or extended first chunk (RFC 9649).
fn webp(b: &[u8]) -> Option<(u32, u32)> {
    if b.get(..4) != Some(b"RIFF") || b.get(8..12) != Some(b"WEBP") {
        return None;
    }
    match b.get(12..16)? {
        b"VP8 " if b.get(23..26) == Some(b"\x9d\x01\x2a") => Some((le16(b, 26)? & 0x3fff, le16(b, 28)? & 0x3fff)),
        b"VP8L" if b.get(20) == Some(&0x2f) => {
            let bits = u32::from_le_bytes(b.get(21..25)?.try_into().ok()?);
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8X" => Some((le24(b, 24)? + 1, le24(b, 27)? + 1)),
        _ => None,
    }
}

/// Walks the segments to the frame header (ITU T.81 B.2.2).
fn jpeg(b: &[u8]) -> Option<(u32, u32)> {
    if !b.starts_with(&[0xff, 0xd8, 0xff]) {
        return None;
    }
    let mut at = 2;
    loop {
        while b.get(at)? == &0xff && b.get(at + 1)? == &0xff {
            at += 1;
        }
        if b.get(at)? != &0xff {
            return None;
        }
        match b.get(at + 1)? {
            // Start of frame, but for the three codes in its range that are tables
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Some((be16(b, at + 7)?, be16(b, at + 5)?)),
            // Markers without a length
            0x01 | 0xd0..=0xd7 => at += 2,
            // The scan or the end before any frame
            0xd9 | 0xda => return None,
            _ => {
                let length = usize::try_from(be16(b, at + 2)?).ok()?;
                if length < 2 {
                    return None;
                }
                at += 2 + length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uri(kind: &str, bytes: &[u8]) -> String {
        format!("data:image/{kind};base64,{}", STANDARD.encode(bytes))
    }
    fn png_of(w: u32, h: u32) -> Vec<u8> {
        [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &w.to_be_bytes(), &h.to_be_bytes(), &[8, 6, 0, 0, 0]].concat()
    }
    const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 11, 8, 0, 16, 0, 32, 1, 1, 0x11, 0];
    const GIF: &[u8] = b"GIF89a\x10\x00\x20\x00\x00\x00\x00";
    const WEBP: &[u8] = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\x0f\xc0\x03\0";

    #[test]
    fn the_four_kinds() {
        assert!(image(uri("png", &png_of(16, 4096))).is_ok());
        assert_eq!(jpeg(JPEG), Some((32, 16)));
        assert_eq!(gif(GIF), Some((16, 32)));
        assert_eq!(webp(WEBP), Some((16, 16)));
    }

    #[test]
    fn what_is_no_such_image_is_refused() {
        assert!(image(uri("png", JPEG)).is_err() && image(uri("jpeg", &png_of(1, 1))).is_err());
        assert!(image(uri("svg+xml", b"<svg/>")).is_err());
        assert_eq!(image("https://example.com/a.png".into()).unwrap_err(), HINT);
        assert_eq!(image("data:image/png;base64,!!".into()).unwrap_err(), HINT);
        assert!(image(uri("png", &png_of(4097, 1))).unwrap_err().contains("4096 pixels"));
        assert!(image(uri("png", &png_of(0, 1))).is_err());
        let large = format!("data:image/png;base64,{}", "A".repeat(300_000));
        assert!(image(large).unwrap_err().starts_with("At most 262144 bytes; this has 3000"));
    }

    #[test]
    fn urls_and_images() {
        assert!(either("https://example.com/avatars/john.jpg").is_ok());
        assert!(either("data:image/gif;base64,R0lGODlhAQABAAAAACw=").is_ok());
        for bad in [
            "http://example.com/a.png",
            "javascript:alert(1)",
            "https://",
            "https://user:pw@example.com/a",
            "/a.png",
            "data:text/html;base64,PGI+",
            "data:image/png;base64,R0lGODlhAQABAAAAACw=",
            "data:image/gif;base64,!!!",
            "data:image/gif,GIF89a",
            &format!("https://example.com/{}", "a".repeat(2048)),
            &format!("data:image/gif;base64,{}", "R0lG".repeat(70_000)),
        ] {
            assert!(either(bad).is_err(), "{}", &bad[..bad.len().min(60)]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), which in 0..4usize) {
            let head: &[u8] = [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X"][which];
            let all = [head, &bytes].concat();
            for read in [png, jpeg, gif, webp] {
                let _ = read(&all);
            }
        }
    }
}
