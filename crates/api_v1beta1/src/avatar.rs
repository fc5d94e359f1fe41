//! The one avatar rule of both surfaces (decision 3).
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const URL_MAX: usize = 2_048;
const IMAGE_MAX: usize = 262_144;

/// An https URL, or an image as a data URI; the error is the sentence to show.
pub fn check(avatar: &str) -> Result<(), &'static str> {
    match avatar.strip_prefix("data:") {
        Some(data) => image(avatar.len(), data),
        None => address(avatar),
    }
}

fn address(avatar: &str) -> Result<(), &'static str> {
    const HINT: &str = "An https URL of at most 2,048 characters, or a PNG, JPEG, GIF or WebP image as a data URI.";
    let short = avatar.chars().count() <= URL_MAX && !avatar.chars().any(|c| c.is_control() || c.is_whitespace());
    match url::Url::parse(avatar) {
        Ok(u)
            if short && u.scheme() == "https" && u.has_host() && u.username().is_empty() && u.password().is_none() =>
        {
            Ok(())
        }
        _ => Err(HINT),
    }
}

fn image(len: usize, data: &str) -> Result<(), &'static str> {
    if len > IMAGE_MAX {
        return Err("An image has at most 262,144 bytes as a data URI.");
    }
    let Some((media, data)) = data.split_once(";base64,") else {
        return Err("Write an image as data:image/png;base64,…");
    };
    let bytes = STANDARD.decode(data).map_err(|_| "The image is not base64.")?;
    let fits = match media {
        "image/png" => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/jpeg" | "image/jpg" => bytes.starts_with(b"\xff\xd8\xff"),
        "image/gif" => bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a"),
        "image/webp" => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        _ => return Err("Only PNG, JPEG, GIF and WebP images."),
    };
    if fits { Ok(()) } else { Err("The bytes are not an image of that type.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_images() {
        assert!(check("https://example.com/avatars/john.jpg").is_ok());
        assert!(check("data:image/gif;base64,R0lGODlhAQABAAAAACw=").is_ok());
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
            assert!(check(bad).is_err(), "{}", &bad[..bad.len().min(60)]);
        }
    }
}
