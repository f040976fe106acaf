# Renewals of accounts.
renewal-soon = “{ $label }” must be renewed by { $date }: { $days ->
    [0] today is the last day
    [one] 1 day is left
   *[other] { $days } days are left
} (paid by: { $payer }). Afterwards, deposit it with --new-version and the next date.
renewal-overdue = OVERDUE: “{ $label }” had to be renewed by { $date }, { $days ->
    [one] 1 day
   *[other] { $days } days
} AGO (paid by: { $payer }). Look at the provider today: what is not renewed can be lost to others for good. Then deposit it with --new-version and the next date.
renewal-understood = Renewal date understood as { $date }; you will be warned 60 days before.
renewal-understood-past = WARNING: the renewal date is understood as { $date }, and that is past.
renewal-unreadable = WARNING: “{ $text }” is not a date that this program can read, so it warns nobody. Write it as 2027-03-09 or 09/03/2027 (day first), and deposit again with --new-version.
