//! What an ID token says, and whether it says it to us, now, and of this sign-in (OpenID Connect Core 1.0, 3.1.3.7).
use portcullis_domain::Timestamp;
use portcullis_domain::openid::{Asserted, Client, Fault, GROUPS};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// So far the clocks of providers may be off, in seconds.
const SKEW: f64 = 60.0;
/// A token for a sign-in of minutes is no day old.
const OLDEST: f64 = 86_400.0;
/// The longest text of a person that is taken, in characters.
const TEXT: usize = 320;

/// The claims of a token whose signature held.
pub type Claims = Map<String, Value>;

/// Refuses what is not for this client, of this issuer, now, and of the sign-in with this nonce.
pub fn check(c: &Claims, client: &Client, nonce: &str, now: Timestamp) -> Result<(), Fault> {
    let text = |name: &str| c.get(name).and_then(Value::as_str);
    let moment =
        |name: &str| c.get(name).map(|v| v.as_f64().ok_or(Fault::Token("A time in the ID token is no number.")));
    let now = now.seconds() as f64;
    if text("iss") != Some(&*client.issuer) {
        return Err(Fault::Token("The ID token is of another issuer."));
    }
    let audiences: Vec<&str> = match c.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().map(|v| v.as_str().unwrap_or_default()).collect(),
        _ => vec![],
    };
    if !audiences.contains(&&*client.client_id) {
        return Err(Fault::Token("The ID token is for another client."));
    }
    match (text("azp"), c.contains_key("azp"), audiences.len()) {
        (Some(party), ..) if party == client.client_id => {}
        (None, false, 1) => {}
        _ => return Err(Fault::Token("The ID token was given to another client.")),
    }
    match moment("exp").transpose()? {
        Some(end) if end > now - SKEW => {}
        Some(_) => return Err(Fault::Token("The ID token has expired.")),
        None => return Err(Fault::Token("The ID token has no end.")),
    }
    match moment("iat").transpose()? {
        Some(made) if made <= now + SKEW && made > now - OLDEST => {}
        _ => return Err(Fault::Token("The ID token was not made now.")),
    }
    if moment("nbf").transpose()?.is_some_and(|begin| begin > now + SKEW) {
        return Err(Fault::Token("The ID token is not valid yet."));
    }
    let same = text("nonce").is_some_and(|n| n.as_bytes().ct_eq(nonce.as_bytes()).into());
    if !same {
        return Err(Fault::Token("The nonce of the ID token is not that of this sign-in."));
    }
    subject(c).map(drop)
}

/// Who they are there (Core 2: at most 255 ASCII characters; what is longer by bytes of other letters is none).
pub fn subject(c: &Claims) -> Result<&str, Fault> {
    let subject = c.get("sub").and_then(Value::as_str);
    let fine = |s: &&str| (1..=255).contains(&s.len()) && !s.chars().any(char::is_control);
    subject.filter(fine).ok_or(Fault::Token("The ID token has no subject that can be kept."))
}

/// Adds what the UserInfo endpoint says of the person, and only that: how somebody signed in is the ID token's to say. What was signed
/// stays, and an address is taken together with the word that it is theirs, never one from here and one from there.
pub fn fill(said: &mut Claims, more: Claims, client: &Client) {
    const ADDRESS: [&str; 3] = ["email", "email_verified", "xms_edov"];
    const NAMES: [&str; 3] = ["name", "given_name", "family_name"];
    let addressed = said.contains_key("email");
    if !addressed {
        said.retain(|name, _| !ADDRESS.contains(&name.as_str()));
    }
    for (name, value) in more {
        let wanted = match name.as_str() {
            n if ADDRESS.contains(&n) => !addressed,
            n => NAMES.contains(&n) || client.groups_claim.as_deref() == Some(n),
        };
        if wanted {
            said.entry(name).or_insert(value);
        }
    }
}

/// What they say of the person.
pub fn asserted(c: &Claims, client: &Client) -> Result<Asserted, Fault> {
    let text = |name: &str| {
        let text = c.get(name).and_then(Value::as_str).map(str::trim);
        text.filter(|t| !t.is_empty() && t.chars().count() <= TEXT).map(ToOwned::to_owned)
    };
    let groups = client.groups_claim.as_deref().map(|name| list(c, name)).unwrap_or_default();
    Ok(Asserted {
        subject: subject(c)?.to_owned(),
        email: text("email"),
        email_verified: vouches_for_address(c),
        name: text("name"),
        given_name: text("given_name"),
        family_name: text("family_name"),
        groups: groups.into_iter().take(GROUPS).collect(),
        amr: list(c, "amr"),
        acr: text("acr"),
        session_ends_at: None,
    })
}
/// Is the address theirs? Microsoft Entra has another claim for it, which is about the address's domain, and is heard only where the
/// standard's is not there.
fn vouches_for_address(c: &Claims) -> bool {
    // some providers write booleans as words
    let yes = |v: &Value| *v == Value::Bool(true) || v == "true";
    match c.get("email_verified") {
        Some(said) => yes(said),
        None => c.get("xms_edov").is_some_and(|said| yes(said) || said == "1" || said.as_i64() == Some(1)),
    }
}
/// Words of a claim that is a list of them, or one.
fn list(c: &Claims, name: &str) -> Vec<String> {
    match c.get(name) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        _ => vec![],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_795_339_304;

    fn client() -> Client {
        Client {
            issuer: "https://id.example".into(),
            client_id: "c".into(),
            secret: None,
            scopes: vec![],
            groups_claim: Some("groups".into()),
        }
    }
    fn claims(change: &[(&str, Value)]) -> Claims {
        let mut c =
            json!({ "iss": "https://id.example", "aud": "c", "sub": "ada", "exp": NOW + 60, "iat": NOW, "nonce": "n" });
        for (name, value) in change {
            c[*name] = value.clone();
            if value.is_null() {
                c.as_object_mut().unwrap().remove(*name);
            }
        }
        c.as_object().unwrap().clone()
    }
    fn checked(change: &[(&str, Value)]) -> Result<(), Fault> {
        check(&claims(change), &client(), "n", Timestamp::from_micros(NOW * 1_000_000))
    }

    #[test]
    fn sec_07_a_token_is_for_us_now_and_of_this_sign_in() {
        for good in [
            vec![],
            vec![("aud", json!(["c"]))],
            vec![("azp", json!("c"))],
            vec![("aud", json!(["c", "d"])), ("azp", json!("c"))],
            vec![("exp", json!(NOW - 30))],
            vec![("iat", json!(NOW + 30))],
            vec![("nbf", json!(NOW))],
        ] {
            assert_eq!(checked(&good), Ok(()), "{good:?}");
        }
        for bad in [
            vec![("iss", json!("https://id.example/"))],
            vec![("iss", Value::Null)],
            vec![("aud", json!("d"))],
            vec![("aud", json!(["d"]))],
            vec![("aud", Value::Null)],
            vec![("aud", json!(["c", "d"]))],
            vec![("aud", json!(["c", "d"])), ("azp", json!("d"))],
            vec![("azp", json!("d"))],
            vec![("azp", json!(5))],
            vec![("exp", json!(NOW - 61))],
            vec![("exp", Value::Null)],
            vec![("exp", json!("soon"))],
            vec![("iat", json!(NOW + 120))],
            vec![("iat", json!(NOW - 90_000))],
            vec![("iat", Value::Null)],
            vec![("nbf", json!(NOW + 120))],
            vec![("nonce", json!("m"))],
            vec![("nonce", Value::Null)],
            vec![("sub", Value::Null)],
            vec![("sub", json!(""))],
            vec![("sub", json!(7))],
            vec![("sub", json!("x".repeat(256)))],
        ] {
            assert!(checked(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_yes_verifies_an_address() {
        let verified = |v: Value| {
            asserted(&claims(&[("email", json!("a@b.example")), ("email_verified", v)]), &client())
                .unwrap()
                .email_verified
        };
        assert!(verified(json!(true)) && verified(json!("true")));
        for no in [json!(false), json!("false"), json!(1), json!("yes"), Value::Null] {
            assert!(!verified(no.clone()), "{no}");
        }
        let entra = |change: &[(&str, Value)]| asserted(&claims(change), &client()).unwrap().email_verified;
        for yes in [json!(true), json!("true"), json!("1"), json!(1)] {
            assert!(entra(&[("xms_edov", yes.clone())]), "{yes}");
            assert!(
                !entra(&[("xms_edov", yes), ("email_verified", json!(false))]),
                "the standard's own word is heard first"
            );
        }
        for no in [json!(false), json!("0"), json!(0), json!("yes"), Value::Null] {
            assert!(!entra(&[("xms_edov", no.clone())]), "{no}");
        }
    }

    #[test]
    fn sec_01_an_address_and_the_word_that_it_is_theirs_are_of_one_document() {
        let filled = |token: Value, more: Value| {
            let mut said = claims(&[]);
            said.extend(token.as_object().unwrap().clone());
            fill(&mut said, more.as_object().unwrap().clone(), &client());
            let a = asserted(&said, &client()).unwrap();
            (a.email, a.email_verified)
        };
        let (mine, other) =
            (json!({ "email": "a@b.example" }), json!({ "email": "m@b.example", "email_verified": true }));
        assert_eq!(filled(mine.clone(), other.clone()), (Some("a@b.example".into()), false));
        assert_eq!(filled(json!({}), other), (Some("m@b.example".into()), true));
        for word in ["email_verified", "xms_edov"] {
            assert_eq!(filled(json!({ word: true }), mine.clone()), (Some("a@b.example".into()), false), "{word}");
        }
    }

    #[test]
    fn the_userinfo_endpoint_says_nothing_of_the_sign_in() {
        let mut said = claims(&[]);
        let more =
            json!({ "amr": ["mfa"], "acr": "high", "iss": "x", "name": "Ada", "groups": ["a"], "roles": ["admin"] });
        fill(&mut said, more.as_object().unwrap().clone(), &client());
        let a = asserted(&said, &client()).unwrap();
        assert_eq!((a.amr.len(), a.acr, a.name.as_deref(), a.groups.len()), (0, None, Some("Ada"), 1));
        assert!(!said.contains_key("roles") && said["iss"] == "https://id.example");
    }

    #[test]
    fn groups_are_a_list_or_a_word() {
        let groups = |v: Value| asserted(&claims(&[("groups", v)]), &client()).unwrap().groups;
        assert_eq!(groups(json!(["a", "b", 5])), ["a", "b"]);
        assert_eq!(groups(json!("a")), ["a"]);
        assert!(groups(json!({ "a": 1 })).is_empty() && groups(Value::Null).is_empty());
        assert_eq!(groups(json!((0..500).map(|n| n.to_string()).collect::<Vec<_>>())).len(), GROUPS);
    }
}
