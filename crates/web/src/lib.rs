//! The pages that people see: signing in with one factor or two, here or at a provider, invitations, one's own account.
//!
//! Server-rendered: links, forms, and an answer. Only what speaks to a passkey or security key has a script, which browsers leave
//! no other way. [`texts`] holds every word, `templates/` the markup, `assets/` the one style sheet. A page knows the service and nothing behind it, as the two APIs do; what it may show or change is decided
//! there.
//!
//! How to add a page: a template that extends `layout/card.html` or `layout/account.html`, its words in [`texts`], and a handler that is
//! routed in [`router`] with one of the five functions of `route.rs`: they are what demands our own origin of a form, and a session
//! of who looks at an account.
mod account;
mod assets;
mod authorize;
mod brand;
mod device;
mod end_session;
mod field;
mod form;
mod invitation;
mod link_form;
mod moment;
mod once;
mod page;
mod passkey;
mod picture;
mod provider;
mod refusal;
mod reset_password;
mod return_to;
mod route;
mod second_step;
mod seed;
mod sign_in;
mod sign_out;
pub mod texts;
mod verify_email;
mod visit;

use axum::Router;
use portcullis_domain::{Code, Error};
use portcullis_edge::{EdgeLayer, EdgeState};

use crate::route::{from_elsewhere, own_sent, own_shown, sent, shown};

/// All pages, to be merged with the APIs; who asks for another path gets the answer of those, but below `/account`.
pub fn router(edge: EdgeState) -> Router {
    use account::{
        applications, credential, factors, keys, password, profile, reauthentication, rights, sessions, tokens,
    };
    let layer = EdgeLayer::new(edge.listener.clone(), refusal::render);
    Router::new()
        .route("/", shown(sign_in::front))
        .route("/sign-in", shown(sign_in::show).merge(sent(sign_in::submit)))
        .route("/sign-in/at", shown(provider::go))
        .route("/sign-in/callback", shown(provider::come_back))
        .route("/sign-in/code", sent(second_step::submit))
        .route("/sign-in/passkey", sent(passkey::ask))
        .route("/sign-in/passkey/answer", sent(passkey::answer))
        .route("/sign-in/credential", sent(second_step::credential))
        .route("/sign-in/enrol", sent(second_step::enrol))
        .route("/sign-out", shown(sign_out::show).merge(sent(sign_out::submit)))
        .route("/invitation", shown(invitation::show).merge(sent(invitation::submit)))
        .route("/forgotten-password", shown(reset_password::ask).merge(sent(reset_password::send)))
        .route("/reset-password", shown(reset_password::show).merge(sent(reset_password::submit)))
        .route("/verify-email", shown(verify_email::show).merge(sent(verify_email::submit)))
        .route("/account", own_shown(profile::show).merge(own_sent(profile::submit)))
        .route("/account/picture", own_shown(picture::show).merge(own_sent(picture::submit)))
        .route("/account/picture/remove", own_sent(picture::remove))
        .route("/account/password", own_shown(password::show).merge(own_sent(password::submit)))
        .route("/account/factors", own_shown(factors::show))
        .route("/account/factors/app", own_sent(factors::begin_app))
        .route("/account/factors/app/confirm", own_sent(factors::confirm_app))
        .route("/account/factors/credential", own_sent(credential::begin))
        .route("/account/factors/credential/confirm", own_sent(credential::confirm))
        .route("/account/factors/backup-codes", own_sent(factors::renew_codes))
        .route("/account/factors/{id}/remove", own_sent(factors::remove))
        .route("/account/reauthenticate", own_shown(reauthentication::show).merge(own_sent(reauthentication::submit)))
        .route("/account/sessions", own_shown(sessions::show))
        .route("/account/sessions/end-others", own_sent(sessions::end_others))
        .route("/account/sessions/{id}/end", own_sent(sessions::end))
        .route("/account/keys", own_shown(keys::show).merge(own_sent(keys::submit)))
        .route("/account/keys/{id}/revoke", own_sent(keys::revoke))
        .route("/account/tokens", own_shown(tokens::show).merge(own_sent(tokens::submit)))
        .route("/account/tokens/{id}/delete", own_sent(tokens::delete))
        .route("/account/applications", own_shown(applications::show))
        .route("/account/applications/{id}/leave", own_sent(applications::leave))
        .route("/account/permissions", own_shown(rights::show))
        .route("/account/{*rest}", shown(async |_| Err(refusal::no_page())))
        .route("/t/{slug}/oauth2/authorize", shown(authorize::show).merge(from_elsewhere(authorize::again)))
        .route("/t/{slug}/oauth2/consent", sent(authorize::decide))
        .route("/t/{slug}/oauth2/end-session", shown(end_session::show).merge(from_elsewhere(end_session::again)))
        .route("/t/{slug}/oauth2/end-session/confirm", sent(end_session::submit))
        .route("/t/{slug}/device", shown(device::show).merge(sent(device::submit)))
        .route("/assets/{file}", shown(assets::serve))
        .route("/brand/{tenant}/{digest}", shown(brand::logo))
        .route("/favicon.ico", shown(assets::icon))
        .method_not_allowed_fallback(|| async {
            refusal::render(&Error::new(Code::MethodNotAllowed, "This page is not called like that."), "")
        })
        .layer(layer)
        .with_state(edge)
}
