//! The seed of an authenticator app as a page shows it: to be scanned, or typed.
use portcullis_domain::{Error, Result};
use portcullis_service::totp::NewTotp;
use qrcode::QrCode;
use qrcode::render::svg::Color;

/// A seed to be shown.
pub(crate) struct Seed {
    /// An `svg` element. Dark on light whatever the theme: not every app reads it the other way round.
    pub qr: String,
    /// In groups of four.
    pub secret: String,
}
impl Seed {
    pub fn of(made: &NewTotp) -> Result<Self> {
        Self::drawn(&made.secret, &made.qr_uri)
    }
    /// The same of what a form made before ([`crate::once`]).
    pub fn drawn(secret: &str, uri: &str) -> Result<Self> {
        let code = QrCode::new(uri).map_err(Error::internal)?;
        let drawn = code.render().dark_color(Color("#000000")).light_color(Color("#ffffff")).build();
        // what an element in a page has not: the line that says it is XML
        let qr = drawn.find("<svg").map_or("", |at| &drawn[at..]).to_owned();
        let mut grouped = String::with_capacity(secret.len() * 5 / 4);
        for (at, c) in secret.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                grouped.push(' ');
            }
            grouped.push(c);
        }
        Ok(Self { qr, secret: grouped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_picture_and_groups_of_four() {
        let seed = Seed::drawn("ABCDEFGHIJ", "otpauth://totp/A:b?secret=ABCDEFGHIJ").unwrap();
        assert_eq!(seed.secret, "ABCD EFGH IJ");
        assert!(seed.qr.starts_with("<svg") && seed.qr.ends_with("</svg>"), "{}", seed.qr);
        assert!(!seed.qr.contains("style") && !seed.qr.contains("script"), "{}", seed.qr);
        assert!(Seed::drawn("A", &"x".repeat(8_000)).is_err());
    }
}
