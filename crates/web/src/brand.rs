//! How a tenant's pages look: a style sheet for its colour, and its logo. Both are found under names that change with what is in
//! them, so that a browser may keep them for good, and nothing of a tenant stands in a page as style (Content-Security-Policy).
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use portcullis_domain::branding::Colour;
use portcullis_domain::{Error, Result};
use portcullis_service::branding::Brand;

use crate::assets::FOREVER;
use crate::refusal::no_page;
use crate::visit::Visit;

/// What text in an accent colour has at least (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;
const WHITE: Colour = Colour([0xff; 3]);
const BLACK: Colour = Colour([0; 3]);

/// The style sheet of an accent colour.
pub(crate) fn style_path(accent: Colour) -> String {
    let name = accent.to_string();
    format!("/assets/accent-{}.css", name.trim_start_matches('#'))
}
/// Where the logo of a brand is.
pub(crate) fn logo_path(brand: &Brand) -> Option<String> {
    brand.logo.map(|(tenant, digest)| format!("/brand/{tenant}/{}", HEXLOWER.encode(&digest)))
}
/// What the style sheet at this path says, if it is one of a colour.
pub(crate) fn style(path: &str) -> Option<String> {
    let digits = path.strip_prefix("/assets/accent-")?.strip_suffix(".css")?;
    let accent = Colour::parse(&format!("#{digits}"))?;
    let [light, dark] = [Palette::light(accent).rules(), Palette::dark(accent).rules()];
    Some(format!(":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"))
}

/// A tenant's logo, which is shown as an image and nothing else.
pub(crate) async fn logo(visit: Visit) -> Result<Response> {
    let digest = visit.parts.uri.path().rsplit('/').next().and_then(|d| HEXLOWER.decode(d.as_bytes()).ok());
    let digest = digest.and_then(|d| <[u8; 32]>::try_from(d).ok()).ok_or_else(no_page)?;
    let uri = visit.app().logo(visit.origin(), visit.id(1), digest).await?.ok_or_else(no_page)?;
    let (media, bytes) = image(&uri).ok_or_else(no_page)?;
    let mut answer = Response::new(Body::from(bytes));
    let h = answer.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::try_from(media).map_err(Error::internal)?);
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    h.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(answer)
}
/// The media type and the bytes of a stored image.
pub(crate) fn image(uri: &str) -> Option<(&str, Vec<u8>)> {
    let (media, data) = uri.strip_prefix("data:")?.split_once(";base64,")?;
    Some((media, STANDARD.decode(data).ok()?))
}

/// The colours of `style.css` that follow from an accent.
struct Palette {
    accent: Colour,
    strong: Colour,
    on_accent: Colour,
    soft: Colour,
}
impl Palette {
    fn light(accent: Colour) -> Self {
        let soft = mix(accent, WHITE, 0.9);
        let accent = readable(accent, BLACK, &[WHITE, Colour([0xf5, 0xf4, 0xf1]), soft]);
        Self { accent, strong: mix(accent, BLACK, 0.3), on_accent: WHITE, soft }
    }
    fn dark(accent: Colour) -> Self {
        let surface = Colour([0x1b, 0x1e, 0x25]);
        let soft = mix(accent, surface, 0.85);
        let accent = readable(accent, WHITE, &[surface, soft]);
        Self { accent, strong: mix(accent, WHITE, 0.35), on_accent: Colour([0x10, 0x15, 0x1f]), soft }
    }
    fn rules(&self) -> String {
        let Self { accent, strong, on_accent, soft } = self;
        format!("--accent: {accent}; --accent-strong: {strong}; --on-accent: {on_accent}; --soft: {soft};")
    }
}
/// This colour, moved towards `end` until it can be read on each of these.
fn readable(colour: Colour, end: Colour, on: &[Colour]) -> Colour {
    let steps = (0..=20).map(|n| mix(colour, end, f64::from(n) / 20.0));
    let fits = |c: &Colour| on.iter().all(|ground| contrast(*c, *ground) >= READABLE);
    steps.into_iter().find(fits).unwrap_or(end)
}
/// `part` of `b`, the rest of `a`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two values of eight bits")]
fn mix(a: Colour, b: Colour, part: f64) -> Colour {
    let of = |n: usize| (f64::from(a.0[n]) * (1.0 - part) + f64::from(b.0[n]) * part).round() as u8;
    Colour([of(0), of(1), of(2)])
}
/// Contrast ratio (WCAG 2.2), 1 to 21.
fn contrast(a: Colour, b: Colour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
/// Relative luminance (WCAG 2.2).
fn luminance(Colour([r, g, b]): Colour) -> f64 {
    let linear = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn contrast_is_what_the_guideline_says() {
        assert!((contrast(WHITE, BLACK) - 21.0).abs() < 0.001);
        assert!((contrast(Colour([0x76; 3]), WHITE) - 4.54).abs() < 0.01);
    }
    #[test]
    fn a_colour_that_can_be_read_stays() {
        let ours = Colour::parse("#35507a").unwrap();
        assert_eq!(Palette::light(ours).accent, ours);
    }
    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let sheet = include_str!("../assets/style.css");
        for ground in
            ["--surface: #ffffff", "--page: #f5f4f1", "--surface: #1b1e25", "--page: #13151a", "--on-accent: #10151f"]
        {
            assert!(sheet.contains(ground), "{ground}");
        }
    }
    #[test]
    fn only_colours_have_a_style_sheet() {
        assert!(style("/assets/accent-ff8800.css").unwrap().contains("--accent: #"));
        for no in
            ["/assets/accent-ff880.css", "/assets/accent-ff8800", "/assets/accent-;}*{}x.css", "/assets/style.css"]
        {
            assert_eq!(style(no), None, "{no}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_colour_text_can_be_read(rgb in any::<[u8; 3]>()) {
            let (light, dark) = (Palette::light(Colour(rgb)), Palette::dark(Colour(rgb)));
            for (p, grounds) in [(light, ["#ffffff", "#f5f4f1"]), (dark, ["#1b1e25", "#13151a"])] {
                for ground in grounds {
                    prop_assert!(contrast(p.accent, Colour::parse(ground).unwrap()) >= READABLE, "{} on {ground}", p.accent);
                }
                prop_assert!(contrast(p.accent, p.soft) >= READABLE);
                prop_assert!(contrast(p.on_accent, p.accent) >= READABLE);
                prop_assert!(contrast(p.on_accent, p.strong) >= READABLE);
            }
        }
    }
}
