//! Sessions as this API shows them. Where a device is on the map is not known: headers that claim it are not believed.
use std::net::IpAddr;

use portcullis_domain::session::{Session, SessionOnDevice};
use portcullis_domain::{Id, device};
use portcullis_wire_v1beta1::{Object, View};

use crate::call::Response;

/// What is known of a device.
pub struct Device {
    /// Its address.
    pub ip: Option<IpAddr>,
    /// What it calls itself.
    pub agent: String,
}
impl View for Device {
    fn write(&self, object: &mut Object<'_>) {
        object.text("operating_system", device::operating_system(&self.agent));
        object.text("browser", device::browser(&self.agent));
        object.text("ip_address", &self.ip.map(|ip| ip.to_canonical().to_string()).unwrap_or_default());
        object.absent("location");
    }
}

/// A list of sessions.
pub struct Sessions {
    /// All of them.
    pub list: Vec<SessionOnDevice>,
    /// The one that asks.
    pub current: Option<Id<Session>>,
}
struct SessionView<'a> {
    of: &'a SessionOnDevice,
    current: bool,
}
impl View for SessionView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.id("id", self.of.session.id);
        object.message("metadata", &Device { ip: self.of.ip, agent: self.of.user_agent.clone() });
        object.flag("is_current_session", self.current);
        object.time("created_at", self.of.session.created_at);
        object.time("updated_at", self.of.seen_at);
    }
}
macro_rules! many {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = Sessions;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &Sessions, object: &mut Object<'_>) {
                let view = |s| SessionView { of: s, current: of.current == Some(s.session.id) };
                object.list("sessions", of.list.iter().map(view));
            }
        }
    };
}
macro_rules! nothing {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = ();
            const MESSAGE: &'static str = stringify!($name);
            fn write((): &(), _: &mut Object<'_>) {}
        }
    };
}
many!(/** One's own. */ ListSessionsResponse);
many!(/** Somebody's. */ ListUserSessionsResponse);
nothing!(/** Nothing. */ RevokeSessionResponse);
nothing!(/** Nothing. */ RevokeUserSessionResponse);

/// What is known of the caller's device.
pub struct PingUserSessionResponse;
impl Response for PingUserSessionResponse {
    type Of = Device;
    const MESSAGE: &'static str = "PingUserSessionResponse";
    fn write(of: &Device, object: &mut Object<'_>) {
        object.message("metadata", of);
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::Timestamp;
    use uuid::Uuid;

    use super::super::responses::tests::proves;
    use super::*;

    #[test]
    fn every_answer_is_its_message() {
        let session = Session {
            id: Id::from_uuid(Uuid::from_u128(1)),
            user_id: Id::from_uuid(Uuid::from_u128(2)),
            identity_provider: None,
            amr: vec![],
            auth_time: Timestamp::from_micros(1),
            created_at: Timestamp::from_micros(1),
            expires_at: Timestamp::from_micros(9),
            idle_at: Timestamp::from_micros(9),
            revoked_at: None,
            restricted: false,
        };
        let of = SessionOnDevice {
            session: session.clone(),
            ip: "::1".parse().ok(),
            user_agent: "curl/8".into(),
            seen_at: Timestamp::from_micros(2),
        };
        for current in [None, Some(session.id)] {
            proves::<ListSessionsResponse>(&Sessions { list: vec![of.clone()], current });
            proves::<ListUserSessionsResponse>(&Sessions { list: vec![], current });
        }
        proves::<PingUserSessionResponse>(&Device { ip: None, agent: String::new() });
        proves::<RevokeSessionResponse>(&());
        proves::<RevokeUserSessionResponse>(&());
    }
}
