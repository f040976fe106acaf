//! Renewal dates of account sheets: what was written, and how near it is. A domain name that nobody renewed is lost
//! more thoroughly than any password.
//!
//! A sheet is text that people wrote, so a date that cannot be read is no error here; whoever deposits it is told. It
//! must never be guessed: month-first dates are not read at all.

use std::fmt;

use jiff::civil::Date;

use super::consent::Item;
use super::deposit::current_sheet;
use super::failure::Failure;
use super::out::Out;
use super::say::Args;
use super::session::Session;
use super::view::sort_key;
use crate::args;
use crate::escrow::id::CredentialId;
use crate::escrow::time::Time;

/// How many days before a renewal people are warned.
const NOTICE_DAYS: i32 = 60;

/// The day by which an account must be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RenewalDate(Date);

impl RenewalDate {
    /// Reads `2027-03-09`, or day first as in `9/3/2027` and `9.3.2027`. The year has four digits.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let separator = text.chars().find(|c| !c.is_ascii_digit())?;
        let pieces: Vec<&str> = text.split(separator).collect();
        let [first, month, last] = pieces.as_slice() else { return None };
        let (year, day) = match separator {
            '-' => (first, last),
            '/' | '.' => (last, first),
            _ => return None,
        };
        let number = |text: &str, most: usize| {
            let digits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            if digits { text.parse::<i16>().ok() } else { None }
        };
        let year = number(year, 4).filter(|year| *year >= 1000)?;
        let (month, day) = (i8::try_from(number(month, 2)?).ok()?, i8::try_from(number(day, 2)?).ok()?);
        Date::new(year, month, day).ok().map(Self)
    }

    /// Days from the day of `now`, in this computer's time zone; negative when it is past.
    pub fn days_left(self, now: Time) -> i32 {
        let now = jiff::Timestamp::from_second(i64::try_from(now.0).unwrap_or(i64::MAX));
        let today = now.unwrap_or(jiff::Timestamp::MAX).to_zoned(jiff::tz::TimeZone::system()).date();
        // The difference of two dates is given in days.
        (self.0 - today).get_days()
    }

    /// The civil date.
    pub fn date(self) -> Date {
        self.0
    }
}

/// As in ISO 8601: `2027-03-09`.
impl fmt::Display for RenewalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// When an account must be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// Which account.
    pub credential: CredentialId,
    /// What it is called.
    pub label: String,
    /// By when.
    pub date: RenewalDate,
    /// How many days are left; negative when it is past.
    pub days: i32,
    /// Who pays, as the sheet says; may be empty.
    paid_by: String,
}

impl Renewal {
    /// Whether people should be warned.
    pub fn is_near(&self) -> bool {
        self.days <= NOTICE_DAYS
    }

    /// In words; more loudly when it is past.
    fn told(&self, session: &Session) -> (&'static str, Args) {
        let say = session.env.out.language();
        let payer = if self.paid_by.is_empty() { "?" } else { &self.paid_by };
        let args = args! {
            label: &self.label, date: say.date(self.date.date()), days: self.days.unsigned_abs(), payer: payer,
        };
        (if self.days < 0 { "renewal-overdue" } else { "renewal-soon" }, args)
    }

    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": "renewal", "credential": self.credential.to_string(), "label": self.label,
            "date": self.date.to_string(), "days": self.days,
        })
    }
}

/// The renewals of the accounts whose sheets are on this computer, the nearest first.
pub fn renewals(session: &Session) -> Result<Vec<Renewal>, Failure> {
    let now = session.env.now();
    let mut found = Vec::new();
    for id in session.state()?.credentials().keys() {
        let Some(sheet) = current_sheet(session, id)? else { continue };
        let Some(date) = RenewalDate::parse(&sheet.renewal_date) else { continue };
        // JSON can hold what a text must not; nothing of it is shown that the log's own rules would refuse.
        let paid_by = crate::escrow::text::Text::parse(&sheet.paid_by).map(|t| t.to_string()).unwrap_or_default();
        let days = date.days_left(now);
        found.push(Renewal { credential: *id, label: session.label_of(id), date, days, paid_by });
    }
    found.sort_by_cached_key(|renewal| (renewal.date, sort_key(&renewal.label)));
    Ok(found)
}

/// Those that people should be warned of.
pub fn near(session: &Session) -> Result<Vec<Renewal>, Failure> {
    Ok(renewals(session)?.into_iter().filter(Renewal::is_near).collect())
}

/// Warns of what is near, one line each.
pub(super) fn tell(out: &Out, session: &Session) -> Result<(), Failure> {
    for renewal in near(session)? {
        let (key, args) = renewal.told(session);
        out.tell(key, &args);
    }
    Ok(())
}

/// What is near, for the inboxes of those who can do something about it: trustees, and whoever deposited the account.
pub(super) fn items(session: &Session) -> Result<Vec<Item>, Failure> {
    let (state, me) = (session.state()?, session.me());
    let trustee = state.charter().is_some_and(|charter| charter.trustees().contains(&me));
    let mine = |id: &CredentialId| {
        let current = state.credential(id).and_then(|credential| credential.current());
        current.is_some_and(|(_, version)| version.depositor == me)
    };
    let near = near(session)?.into_iter().filter(|renewal| trustee || mine(&renewal.credential));
    let item = |renewal: Renewal| {
        let (key, args) = renewal.told(session);
        Item { text: session.env.out.language().with(key, &args), json: renewal.json() }
    };
    Ok(near.map(item).collect())
}

/// Puts a renewal date that somebody typed into the form that everybody reads alike, and says how it was understood;
/// one that cannot be read stays as it is, and that is said, too.
pub(super) fn understood(out: &Out, now: Time, typed: String) -> String {
    if typed.trim().is_empty() {
        return typed;
    }
    match RenewalDate::parse(&typed) {
        Some(date) => {
            let key = if date.days_left(now) < 0 { "renewal-understood-past" } else { "renewal-understood" };
            out.aside(key, &args! { date: out.language().date(date.date()) });
            date.to_string()
        }
        None => {
            out.aside("renewal-unreadable", &args! { text: &typed });
            typed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_day_first_or_not_at_all() {
        for text in ["2027-03-09", "2027-3-9", " 09/03/2027 ", "9/3/2027", "9.3.2027", "09.03.2027"] {
            assert_eq!(
                RenewalDate::parse(text).map(|date| date.to_string()).as_deref(),
                Some("2027-03-09"),
                "{text}"
            );
        }
        for text in [
            "",
            "soon",
            "2027",
            "2027-03",
            "2027-13-01",
            "2027-02-29",
            "29/02/2027",
            "03/15/2027",
            "09/03/27",
            "9-3-2027",
            "27-03-09",
            "2027/03/09",
            "2027-03-09T10:00",
            "2027-03-09 ou avant",
            "+2027-3-9",
            "2027--9",
            "9 mars 2027",
            "99999-01-01",
            "٩/٣/2027",
        ] {
            assert_eq!(RenewalDate::parse(text), None, "{text}");
        }
        assert!(RenewalDate::parse("29/02/2028").is_some());
    }

    #[test]
    fn days_are_counted_from_today() {
        // 2027-03-08, at noon in every time zone's same or next day.
        let now = Time(1_804_507_200);
        let today =
            jiff::Timestamp::from_second(1_804_507_200).unwrap().to_zoned(jiff::tz::TimeZone::system()).date();
        let at = |days: i64| RenewalDate(today + jiff::Span::new().days(days));
        for days in [-400, -1, 0, 1, 60, 61, 3_000] {
            assert_eq!(i64::from(at(days).days_left(now)), days);
        }
    }
}
