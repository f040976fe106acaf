# Exercices sur les parts de clés.
drill-started = L’exercice a commencé (entrée { $id } du journal) : toute personne qui détient des parts de clés est invitée à les ouvrir.
drill-running = Un exercice est déjà en cours : { $name } l’a lancé le { $time }. Le prochain peut commencer 7 jours plus tard.
drill-open = Ces personnes n’ont pas encore ouvert leurs parts : { $names }. Leur boîte de réception le leur demande ; toute commande qui ouvre leur clé personnelle suffit.
drill-group = {" "}(groupe { $group } sur { $groups })
drill-shares = Accord « { $quorum } »{ $group } : parts de clés confirmées bonnes ces 90 derniers jours : { $confirmed } sur { $of }, il en faut { $needed }.
drill-settling = Pas encore compté : { $list }, dont le dépôt a moins de 7 jours ; trop peu de ses parts de clés ont été éprouvées.
drill-few = ATTENTION : sans nouvelles confirmations, il y en aura trop peu pour « { $label } » à partir du { $time }. Lancez « sequestre drill shares ».
drill-too-few = ATTENTION : pour « { $label } », c’est trop peu ; nul ne sait s’il peut être ouvert. Lancez « sequestre drill shares » et appelez les personnes qui manquent. Si elles ne reviennent pas, déposez une nouvelle version tant que c’est possible.
drill-inbox = { $name } demande à tout le monde d’ouvrir ses parts de clés et de dire ce qu’il en est : « sequestre drill shares ».

# Exercices sur les comptes.
drill-trial-never = jamais essayé par quelqu’un d’autre que la personne qui l’a déposé
drill-trial-works = a fonctionné quand { $name } l’a essayé le { $time }
drill-trial-fails = n’a PAS fonctionné quand { $name } l’a essayé le { $time }
drill-accounts-never = Jamais testé : { $list }. Quelqu’un d’autre que la personne qui l’a déposé devrait demander l’accès, se connecter, et lancer « sequestre drill account ».
drill-account-fails = « { $label } » { $trial }. Regardez chez le fournisseur, puis déposez ce qui est juste avec --new-version.
drill-account-works = Le journal dit maintenant que « { $label } » a fonctionné quand vous l’avez essayé.
drill-account-failed = Le journal dit maintenant que « { $label } » n’a pas fonctionné quand vous l’avez essayé. La boîte de réception de la personne qui l’a déposé le dit aussi.
drill-no-access = Vous n’avez pas eu d’accès à « { $label } » ces 7 derniers jours, vous ne pouvez donc pas l’avoir essayé. Demandez-le avec « sequestre request », connectez-vous avec ce que donne « sequestre show », puis dites si cela a fonctionné.
ask-drill-account = Avez-vous pu vous connecter à « { $label } » avec ce que l’accès vous a donné ?
status-account-trial = Ce compte : { $trial }.

# Dernier exercice de restauration, pour status.
drill-restore-never = Personne n’a encore essayé de rétablir le service depuis une copie : « sequestre drill restore », par un·e gardien·ne.
drill-restore-last = Service rétabli à l’essai depuis une copie le { $time }, d’après { $name } (entrée { $entry }) : { $size } entrées et { $blobs } fichiers, tout y était.{ $trustee ->
    [yes] {""}
   *[no] {" "}ATTENTION : seule la copie d’un·e gardien·ne contient tout, et { $name } ne l’est pas. Faites faire « sequestre drill restore » par un·e gardien·ne.
}
drill-restore-last-failed = ATTENTION : le { $time }, { $name } n’a PAS réussi à rétablir le service depuis une copie (entrée { $entry }). Demandez-lui pourquoi, et qu’un·e gardien·ne refasse « sequestre drill restore ».

# Ce que dit --help.
help-drill = Éprouver ce qu’on croit seulement : que les parts de clés s’ouvrent encore, que les comptes marchent encore
help-drill-shares = Demander à tout le monde d’ouvrir ses parts de clés, et ouvrir les vôtres
help-drill-account = Dire si un compte marche, après y avoir eu accès et s’être connecté·e
help-drill-account-label = Le compte
help-drill-account-works = Il marche
help-drill-account-fails = Il ne marche pas
