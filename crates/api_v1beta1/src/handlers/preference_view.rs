//! Preferences and traits as this API shows them.
use portcullis_domain::preference::Level;
use portcullis_domain::preference_trait::{Choice, Trait, Traits};
use portcullis_service::preference::Preferred;
use portcullis_wire_v1beta1::{Object, View};
use uuid::Uuid;

use crate::call::Response;

struct PreferenceView<'a>(&'a Preferred);
impl View for PreferenceView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let p = self.0;
        // a default was never set, and has no id
        match p.id {
            Some(id) => object.id("id", id),
            None => object.text("id", ""),
        }
        object.text("name", &p.name);
        object.text("value", &p.value);
        object.id("resource_id", p.whose.id());
        object.text("resource_type", p.whose.level().as_str());
        let scope = p.scope.map_or((Level::Platform, Uuid::nil()), |o| (Level::Organization, o.uuid()));
        object.text("scope_type", scope.0.as_str());
        object.id("scope_id", scope.1);
        object.text("value_description", &p.description);
        object.maybe_time("created_at", p.times.map(|t| t.0));
        object.maybe_time("updated_at", p.times.map(|t| t.1));
    }
}

macro_rules! many {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = Vec<Preferred>;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &Vec<Preferred>, object: &mut Object<'_>) {
                object.list($field, of.iter().map(PreferenceView));
            }
        }
    };
}
many!(/** What was set for the platform. */ CreatePreferencesResponse, "preference");
many!(/** The platform's. */ ListPreferencesResponse, "preferences");
many!(/** What was set for an organization. */ CreateOrganizationPreferencesResponse, "preferences");
many!(/** An organization's. */ ListOrganizationPreferencesResponse, "preferences");
many!(/** What was set for a person. */ CreateUserPreferencesResponse, "preferences");
many!(/** A person's. */ ListUserPreferencesResponse, "preferences");
many!(/** What was set for the caller. */ CreateCurrentUserPreferencesResponse, "preferences");
many!(/** The caller's. */ ListCurrentUserPreferencesResponse, "preferences");

struct TraitView<'a>(&'a Trait);
impl View for TraitView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let t = self.0;
        object.text("resource_type", t.level.as_str());
        object.text("name", &t.name);
        object.text("title", &t.title);
        object.text("description", &t.description);
        object.text("long_description", &t.long_description);
        object.text("heading", &t.heading);
        object.text("sub_heading", &t.sub_heading);
        object.text("breadcrumb", &t.breadcrumb);
        object.text("default", &t.default);
        object.text("input_hints", &t.input_hints);
        object.text("input_type", t.input.name());
        object.list("input_options", t.choices.iter().map(ChoiceView));
    }
}
struct ChoiceView<'a>(&'a Choice);
impl View for ChoiceView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("name", &self.0.name);
        object.text("description", &self.0.description);
    }
}
/// The catalogue.
pub struct DescribePreferencesResponse;
impl Response for DescribePreferencesResponse {
    type Of = Traits;
    const MESSAGE: &'static str = "DescribePreferencesResponse";
    fn write(traits: &Traits, object: &mut Object<'_>) {
        object.list("traits", traits.iter().map(TraitView));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::super::responses::tests::proves;
    use super::*;
    use portcullis_domain::preference::Whose;
    use portcullis_domain::preference_trait::{Input, NEWSLETTER};
    use portcullis_domain::{Id, Timestamp};

    #[test]
    fn every_answer_is_its_message() {
        let id = Uuid::from_u128(1);
        let default = Preferred {
            id: None,
            whose: Whose::User(Id::from_uuid(id)),
            scope: None,
            name: "newsletter".into(),
            value: String::new(),
            description: String::new(),
            times: None,
        };
        let set = Preferred {
            id: Some(Id::from_uuid(id)),
            scope: Some(Id::from_uuid(id)),
            value: "true".into(),
            description: "Yes".into(),
            times: Some((Timestamp::from_micros(1), Timestamp::from_micros(2))),
            ..default.clone()
        };
        for some in [vec![], vec![default, set]] {
            proves::<CreatePreferencesResponse>(&some);
            proves::<ListPreferencesResponse>(&some);
            proves::<CreateOrganizationPreferencesResponse>(&some);
            proves::<ListOrganizationPreferencesResponse>(&some);
            proves::<CreateUserPreferencesResponse>(&some);
            proves::<ListUserPreferencesResponse>(&some);
            proves::<CreateCurrentUserPreferencesResponse>(&some);
            proves::<ListCurrentUserPreferencesResponse>(&some);
        }
        proves::<DescribePreferencesResponse>(&Traits::default());
        let choices = vec![Choice { name: "red".into(), description: "Warm".into() }];
        for (n, input) in Input::ALL.into_iter().enumerate() {
            let name = format!("colour-{n}").into();
            let own = Trait { name, input, choices: choices.clone(), default: "".into(), ..NEWSLETTER.clone() };
            proves::<DescribePreferencesResponse>(&Traits::with(vec![own]).unwrap());
        }
    }
}
