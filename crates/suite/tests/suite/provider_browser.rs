//! Signing in to an application in a real Chromium, and the pages on the way with axe-core. What drives it is in `peers/pages`, as for
//! `pages_browser.rs`.
use serde_json::json;

use crate::pages_browser::{driven, hosts};
use crate::world::pages::HERE;
use crate::world::relying::{query, relying};
use crate::world::*;

both!(a_browser_is_led_to_the_application_and_back);

async fn a_browser_is_led_to_the_application_and_back(w: World) {
    let ada = w.person("Ada", &["user"]).await;
    // the browser is led there by redirects, which nothing but a server answers: the peer's own, at a port that is free
    let callback = "http://127.0.0.1/callback";
    let public = json!({
        "kind": "public", "redirect_uris": [callback], "grants": ["authorization_code", "device_code"], "scopes": ["openid", "email"],
    });
    let own = relying(&w, public).await;
    let others = json!({ "name": "Calendar", "third_party": true, "kind": "public", "redirect_uris": [callback] });
    let other = relying(&w, others).await;
    let begun = own.post("oauth2/device_authorization", &[]).await.expect(200);
    let bye = "https://app.example.com/bye";
    let leave = query(&[("client_id", &own.id), ("post_logout_redirect_uri", bye)]);
    let given = json!({
        "url": HERE,
        "hosts": hosts(&w),
        "email": ada.email,
        "password": PASSWORD,
        "ask": {
            "own": format!("{HERE}{}", own.request(&[("redirect_uri", callback), ("scope", "openid")])),
            "other": format!("{HERE}{}", other.request(&[("redirect_uri", callback)])),
        },
        "device": own.at("device"),
        "userCode": begun["user_code"],
        "leave": format!("{HERE}{}?{leave}", own.at("oauth2/end-session")),
        "bye": bye,
    });
    driven("application.mjs", given).await;
}
