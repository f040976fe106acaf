use super::failure::Failure;
use super::session::Env;
use std::path::Path;
pub struct LogOptions {
    pub from: Option<u64>,
    pub to: Option<u64>,
    pub person: Option<String>,
    pub account: Option<String>,
}
pub async fn log(_e: &Env, _o: LogOptions) -> Result<(), Failure> {
    Ok(())
}
pub async fn export(_e: &Env, _d: &Path) -> Result<(), Failure> {
    Ok(())
}
pub fn verify(_e: &Env, _d: &Path) -> Result<(), Failure> {
    Ok(())
}
pub fn proof(_e: &Env, _i: u64) -> Result<(), Failure> {
    Ok(())
}
