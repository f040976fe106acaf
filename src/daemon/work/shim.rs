//! Gone with the rules.
use crate::escrow::delegation::Delegation;
use crate::escrow::organisation::Organisation;
use crate::escrow::refusal::Refusal;
use crate::escrow::time::Time;
pub(crate) trait Shim {
    fn mint_until(&self, request: u64, now: Time) -> Result<Time, Refusal>;
    fn delegation(&self, index: u64) -> Option<&Delegation>;
}
impl Shim for Organisation {
    fn mint_until(&self, _: u64, _: Time) -> Result<Time, Refusal> { Err(Refusal::NotOpen) }
    fn delegation(&self, _: u64) -> Option<&Delegation> { None }
}
