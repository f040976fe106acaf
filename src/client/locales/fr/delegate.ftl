# Délégations.
delegate-done = La demande { $id } est au journal : { $to } doit recevoir une délégation pour « { $label } », { $uses ->
    [one] pour un accès
   *[other] pour { $uses } accès
}, jusqu’au { $until }.
delegate-forward =
    Texte à transmettre aux gardien·nes :

    {"  "}{ $name } ({ $organisation }) demande une délégation pour { $to } sur « { $label } », jusqu’au { $until }, { $uses ->
          [one] pour un accès.
         *[other] pour { $uses } accès.
      }
      Motif : { $reason }
      Pour voir : sequestre inbox — pour accepter : sequestre approve { $id }
delegate-finish-later = Quand elle sera accordée, terminez-la depuis cet ordinateur : « sequestre delegate --finish { $id } ». D’ici là, { $to } ne peut pas s’en servir.
delegate-finished = La délégation { $id } est en vigueur : { $to } prend un accès avec « sequestre request "{ $label }" … ». Vous comptez dès maintenant parmi les personnes qui connaissent le mot de passe ; { $to }, dès le premier accès.
ask-delegate-end = Mettre fin à la délégation { $id } de { $name } pour « { $label } » ?
delegate-ended = La délégation { $id } a pris fin. Ce que { $name } a vu grâce à elle reste connu jusqu’à ce que ce soit changé.
delegate-ended-runs = L’accès { $id }, que { $name } a pris grâce à elle, dure jusqu’au { $until }. Un·e gardien·ne y met fin avec « sequestre revoke { $id } --reason … ».
delegate-none = Il n’y a aucune délégation.
delegate-connector = Il n’y a rien à terminer : elle est en vigueur dès le dernier accord.
delegate-left = Pris par votre délégation { $id } ; { $left ->
    [0] c’était le dernier accès.
    [one] il reste un accès.
   *[other] il reste { $left } accès.
}
delegate-renewed = { $n ->
    [one] La délégation continue avec la nouvelle version.
   *[other] Les { $n } délégations continuent avec la nouvelle version.
}
delegate-not-renewed = Ces délégations ont pris fin avec la nouvelle version : { $list }.
ask-deposit-ending = Ces délégations prennent fin avec la nouvelle version : { $list }. Avec --keep-delegations, elles continueraient. Déposer, et les laisser prendre fin ?
ask-deposit-cannot-keep = Ces délégations prennent fin avec la nouvelle version, malgré --keep-delegations : { $list }. Une délégation ne continue que si tout ce qu’elle donne est déposé à nouveau, et si le compte garde un connecteur, ou continue à s’en passer. Déposer, et les laisser prendre fin ?
inbox-delegation-granted = { $id } — la délégation de { $name } pour « { $label } » est accordée : « sequestre delegate --finish { $id } » la met en vigueur.

# En-têtes et situation.
delegate-head-id = Numéro
delegate-head-to = Pour
delegate-head-by = Demandée par
delegate-head-left = Accès restants
delegate-head-state = Situation
delegate-live = en vigueur
delegate-to-finish = accordée ; en vigueur dès que { $name } l’aura terminée
delegate-over-time = terminée
delegate-over-uses = épuisée
delegate-over-ended = arrêtée par { $name }
delegate-over-version = terminée par une nouvelle version
delegate-over-left = terminée, la personne est partie
delegate-over-moved = terminée, l’association a changé de serveur
delegate-over-destroyed = terminée, le compte a été détruit

# Ce que dit --help.
help-delegate = Demander que quelqu’un puisse prendre des accès à un compte sans redemander, mettre une telle délégation en vigueur, ou y mettre fin
help-delegate-label = Le compte
help-delegate-to = Nom de la personne
help-delegate-duration = Combien de temps dure la délégation : 7d, 30d
help-delegate-uses = Combien d’accès
help-delegate-reason = Pourquoi ; les gardien·nes le lisent avant d’accepter
help-delegate-open-for = Combien de temps la demande attend les accords, 7d au plus [par défaut : 72h]
help-delegate-finish = Mettre en vigueur une délégation accordée : numéro de sa demande
help-delegate-end = Mettre fin à une délégation, si vous êtes gardien·ne, si vous l’avez demandée ou si elle est à vous : son numéro
help-delegations = Lister les délégations
help-delegations-all = Aussi celles qui ont pris fin
