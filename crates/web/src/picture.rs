//! `/account/picture`: one's own picture, as it is stored and as it is uploaded (decision 3).
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::{Error, Result, avatar};
use portcullis_service::profile::ProfilePatch;

use crate::account::{Account, profile};
use crate::brand::image;
use crate::form::Upload;
use crate::page::redirect;
use crate::refusal::{Refused, no_page};
use crate::texts::EN;

/// The longest data URI takes no more bytes.
const LARGEST: usize = 196_000;

/// The picture itself, which is shown as one and nothing else.
pub(crate) async fn show(account: Account) -> Result<Response> {
    let me = account.visit.app().profile(&account.cx).await?;
    let (media, bytes) = me.avatar.as_deref().and_then(image).ok_or_else(no_page)?;
    let mut answer = Response::new(Body::from(bytes));
    let h = answer.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::try_from(media).map_err(Error::internal)?);
    h.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(answer)
}
/// Puts one there.
pub(crate) async fn submit(mut account: Account) -> Result<Response> {
    let uri = match account.visit.upload("picture").await? {
        None => Err(Refused::field("picture", EN.picture_missing)),
        Some(upload) => data_uri(&upload),
    };
    let uri = match uri {
        Ok(uri) => uri,
        Err(refused) => return profile::again(&account, None, &refused).await,
    };
    set(&account, Some(uri)).await?;
    redirect("/account?done=picture")
}
/// Takes it away.
pub(crate) async fn remove(mut account: Account) -> Result<Response> {
    account.visit.form().await?;
    set(&account, None).await?;
    redirect("/account?done=picture_removed")
}
async fn set(account: &Account, avatar: Option<String>) -> Result<()> {
    let patch = ProfilePatch { avatar: Some(avatar), ..ProfilePatch::default() };
    account.visit.app().update_profile(&account.cx, Ok(patch)).await.map(drop)
}

/// The kind is what the bytes say, whatever the browser calls it.
fn data_uri(Upload(bytes): &Upload) -> Result<String, Refused> {
    let kind = match bytes.as_ref() {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, 0xff, ..] => "jpeg",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        [b'R', b'I', b'F', b'F', ..] => "webp",
        _ => return Err(Refused::field("picture", EN.picture_wrong)),
    };
    if bytes.len() > LARGEST {
        return Err(Refused::field("picture", EN.picture_large));
    }
    let uri = format!("data:image/{kind};base64,{}", STANDARD.encode(bytes));
    avatar::image(uri).map_err(|why| Refused::field("picture", &why))
}
