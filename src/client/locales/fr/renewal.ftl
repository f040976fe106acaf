# Renouvellement des comptes.
renewal-soon = « { $label } » est à renouveler avant le { $date } inclus : { $days ->
    [0] c’est le dernier jour
    [one] il reste 1 jour
   *[other] il reste { $days } jours
} (payé par : { $payer }). Ensuite, déposez-le avec --new-version et la prochaine date.
renewal-overdue = EN RETARD : « { $label } » était à renouveler avant le { $date }, il y a { $days ->
    [one] 1 JOUR
   *[other] { $days } JOURS
} (payé par : { $payer }). Regardez dès aujourd’hui chez le fournisseur : ce qui n’est pas renouvelé peut être perdu pour de bon. Ensuite, déposez-le avec --new-version et la prochaine date.
renewal-understood = Date de renouvellement comprise comme le { $date } ; vous serez averti·e 60 jours avant.
renewal-understood-past = ATTENTION : la date de renouvellement est comprise comme le { $date }, et elle est passée.
renewal-unreadable = ATTENTION : « { $text } » n’est pas une date que ce programme sait lire, il n’avertira donc personne. Écrivez 2027-03-09 ou 09/03/2027 (le jour d’abord), et déposez de nouveau avec --new-version.
