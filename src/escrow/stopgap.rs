//! To be removed with the next merge of the rules.
use super::delegation::Delegation;
use super::organisation::Organisation;
impl Organisation {
    /// All.
    pub fn delegations(&self) -> impl Iterator<Item = &Delegation> {
        self.delegations.values()
    }
    /// One.
    pub fn delegation(&self, index: u64) -> Option<&Delegation> {
        self.delegations.get(&index)
    }
}
