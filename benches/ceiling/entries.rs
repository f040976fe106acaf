//! Entries as a file: each with a 4-byte big-endian length before it, as in a client's replica.

use bytes::{Buf as _, Bytes};
use sequestre::proto::api::v1 as api;

/// Bytes of entries in one message, as the daemon sends them.
const BATCH_BYTES: usize = 256 * 1024;

pub fn join<'e>(entries: impl IntoIterator<Item = &'e [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&u32::try_from(entry.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    bytes
}

pub fn split(bytes: Vec<u8>) -> Vec<Bytes> {
    let mut bytes = Bytes::from(bytes);
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let length = bytes.get_u32() as usize;
        entries.push(bytes.split_to(length));
    }
    entries
}

/// The messages of a stream.
pub fn batches(entries: &[Bytes]) -> Vec<api::StreamEntriesResponse> {
    let (mut batches, mut total) = (Vec::<api::StreamEntriesResponse>::new(), usize::MAX);
    for entry in entries {
        total = total.saturating_add(entry.len());
        if total > BATCH_BYTES {
            batches.push(api::StreamEntriesResponse::default());
            total = entry.len();
        }
        batches.last_mut().unwrap().entries.push(entry.clone());
    }
    batches
}
