//! The form that a mailed link leads to, and what is said of a link that does nothing any more.
//!
//! Following a link changes nothing, since programs that read mails follow links: the form does.
use askama::Template;
use axum::response::Response;
use portcullis_domain::Result;

use crate::field::Field;
use crate::page::{Frame, page};
use crate::texts::{EN, Texts};

/// The form.
#[derive(Template)]
#[template(path = "link_form.html")]
pub(crate) struct LinkForm {
    pub frame: Frame,
    pub t: &'static Texts,
    pub explained: String,
    pub action: &'static str,
    pub fields: Vec<Field>,
    /// What the link said, to be sent along.
    pub hidden: Vec<(&'static str, String)>,
    pub button: &'static str,
}

#[derive(Template)]
#[template(path = "dead_link.html")]
struct Dead {
    frame: Frame,
    t: &'static Texts,
    explained: &'static str,
}
/// 400: the link is unknown, used or expired; these words say where the next one comes from.
pub(crate) fn dead(explained: &'static str) -> Result<Response> {
    page(400, &Dead { frame: Frame::new(EN.bad_link), t: &EN, explained })
}
