//! What a request would open, to whom: the part of its screen that tells a password from a window, a login of
//! somebody's own from a standing right.

use super::{Screen, missing};
use crate::args;
use crate::client::connector::{Connector, target};
use crate::client::failure::Failure;
use crate::client::say::Args;
use crate::escrow::credential::Version;
use crate::escrow::request::Request;
use crate::escrow::window::Purpose;

impl Screen<'_> {
    /// What kind of opening this is, in plain words, and for how long.
    pub(super) fn purpose(&mut self, request: &Request) -> Result<(), Failure> {
        let (view, say) = (self.view, self.view.say);
        let version = view.state.version(&request.version).ok_or_else(missing)?;
        // What the connector does is decided by signing, so that its text must be here.
        if let Some(connector) = request.connector.filter(|_| request.purpose != Purpose::Lease) {
            view.needed_settings(&connector)?;
        }
        let name = self.person(&request.requester)?;
        let args = args! {
            name: &name, target: target(&view, version), duration: say.duration(request.duration),
            until: say.time(request.expires),
        };
        match request.purpose {
            Purpose::Lease => self.lease(request, version, &args)?,
            Purpose::Unseal => {
                self.tell("request-kind-unseal", &args);
                self.readable()?;
                if request.by_daemon {
                    self.tell("request-kind-by-server", &args);
                }
                self.connector(version);
            }
            Purpose::Mint => {
                self.tell("request-kind-mint", &args);
                if let Some(input) = &request.input {
                    let text = view.needed_input(input)?;
                    self.tell("request-input", &args! { text: text });
                }
            }
            Purpose::Delegation => self.standing(request, &args)?,
        }
        let key = if request.purpose == Purpose::Lease { "request-duration" } else { "request-open-until" };
        self.tell(key, &args);
        if request.signs_only() {
            return Ok(());
        }
        for asked in &request.parts {
            let part = view.state.part(&asked.part).ok_or_else(missing)?;
            let needed = part.part.deals.iter().map(|deal| view.quorum(deal.quorum()));
            let args = args! {
                part: say.plain(&format!("part-{}", asked.part.kind.as_str())),
                released: part.released_to_anybody().len(),
                needed: needed.collect::<Vec<_>>().join(" / "),
            };
            self.tell("request-part", &args);
        }
        Ok(())
    }

    fn lease(&mut self, request: &Request, version: &Version, args: &Args) -> Result<(), Failure> {
        if request.parts.iter().any(|asked| asked.vouched.is_none()) {
            let administrator = version.connector.is_some();
            self.tell(if administrator { "request-kind-administrator" } else { "request-kind-person" }, args);
        }
        if request.parts.iter().any(|asked| asked.vouched.is_some()) {
            self.tell("request-kind-codes", args);
            self.readable()?;
        }
        Ok(())
    }

    /// Who can read what is open to the server.
    fn readable(&mut self) -> Result<(), Failure> {
        let technicians = self.view.state.charter().map(|charter| charter.technicians().clone()).unwrap_or_default();
        match technicians.is_empty() {
            true => self.tell("request-kind-readable-nobody", &args! {}),
            false => {
                let names = self.people(&technicians)?;
                self.tell("request-kind-readable", &args! { names: names });
            }
        }
        Ok(())
    }

    fn standing(&mut self, request: &Request, args: &Args) -> Result<(), Failure> {
        let standing = request.standing.ok_or_else(missing)?;
        let to = self.name(&standing.to)?.to_owned();
        let right = args! {
            to: &to, code: self.fingerprint(&standing.to)?, uses: standing.uses,
            until: self.view.say.time(standing.until),
        };
        self.tell("request-kind-delegation", &right);
        self.warn([standing.to].into())?;
        let mut args = args.clone();
        args.set("to", to);
        let connected = request.connector.is_some();
        self.tell(
            if connected { "request-kind-delegation-connector" } else { "request-kind-delegation-static" },
            &args,
        );
        Ok(())
    }

    /// Where the secret will be used, as whoever deposited it says.
    fn connector(&mut self, version: &Version) {
        let Some(connector) = Connector::of(&self.view, version) else {
            return self.tell("request-connector-unreadable", &args! {});
        };
        self.tell("request-connector", &args! {});
        self.lines.extend(connector.lines().into_iter().map(|line| format!("    {line}")));
    }
}
