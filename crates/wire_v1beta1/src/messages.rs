//! The descriptor of every message: from its name to what can read and write it.
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};

/// The protobuf package.
pub const PACKAGE: &str = "raystack.frontier.v1beta1";

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut pool = DescriptorPool::global(); // holds google.protobuf.*
    pool.decode_file_descriptor_set(include_bytes!("generated/frontier.binpb").as_slice())
        .expect("INVARIANT: the generated descriptor is well-formed; a test reads it");
    pool
});

/// All messages of the package. The descriptor is read once, at first use.
#[derive(Clone, Copy, Debug)]
pub struct Messages;
impl Messages {
    /// A message by its name in the package: `User`, `Session.Meta`.
    pub fn get(name: &str) -> Option<MessageDescriptor> {
        POOL.get_message_by_name(&format!("{PACKAGE}.{name}"))
    }
    /// A message that the generated table names.
    ///
    /// # Panics
    /// When there is none: a mistake in this workspace, which the test over all endpoints finds.
    pub fn named(name: &'static str) -> MessageDescriptor {
        Self::get(name).unwrap_or_else(|| panic!("INVARIANT: the descriptor has a message {name}"))
    }
    /// Every message, nested ones too.
    pub fn all() -> impl Iterator<Item = MessageDescriptor> {
        POOL.all_messages().filter(|m| m.package_name() == PACKAGE && !m.is_map_entry())
    }
}
