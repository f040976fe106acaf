# Détruire, confirmer, s’opposer.
destroy-version = Ce qui est perdu : la version { $version } de « { $label } » ({ $id }), pour toujours.
destroy-account = Ce qui est perdu : le compte « { $label } » ({ $id }, coffre « { $vault } ») avec { $n ->
    [one] sa seule version
   *[other] ses { $n } versions
}, pour toujours.
destroy-text = Ce qui est perdu : le texte { $id }, pour toujours. Le journal n’en garde que l’empreinte. Le texte :
destroy-organisation = Ce qui est perdu : TOUT de « { $name } », pour toujours : tous les comptes, tous les textes, tous les noms. Plus rien ne pourra s’ajouter à son journal.
destroy-one-version = - version { $version } du { $time }, déposée par { $name } : { $parts }, avec le libellé du compte, sa fiche et toutes les parts de ses clés
destroy-remains = Ce qui reste : la version { $version }, « { $label } », déposée par { $name } le { $time } : { $parts }
destroy-remains-part = - - { $part } : { $good } avis favorables et { $bad } défavorables sur les parts de sa clé ; { $tested ->
    [works] quelqu’un d’autre s’en est servi, et cela marchait
    [fails] ATTENTION : quelqu’un d’autre s’en est servi, et cela ne marchait PAS
   *[never] ATTENTION : personne d’autre n’a jamais essayé si cela marche
}
destroy-known = -   connue de : { $names }. Ces personnes la connaîtront encore après.
destroy-due = - ATTENTION : son mot de passe est à changer ({ $cause }) ; plus personne n’en sera averti
destroy-quorum = « { $name } » ({ $words })
destroy-ends = - la demande { $id } de { $name } prend fin
destroy-reason = Motif : « { $reason } »
destroy-stays = Ce qui reste : le journal, pour que tout le monde puisse vérifier qui l’a décidé. Les mots de passe chez le fournisseur n’en sont pas changés.
destroy-what-version = la version { $version } de « { $label } »
destroy-what-account = le compte « { $label } »
destroy-what-text = le texte { $id }
destroy-what-organisation = l’association entière
destroy-what-charter = la version { $version } de la charte
brake-two = Il faut deux accords : { $quorums } maintenant, puis autant de nouveau, pas forcément les mêmes personnes, une fois passé un délai de { $delay }, dans les 30 jours qui suivent. Tant que ce n’est pas fait, tout·e gardien·ne peut s’y opposer une fois : « sequestre destroy veto ».
brake-vetoed = OPPOSITION de { $name } le { $time } : « { $reason } ». Sans elle, il faudrait que confirment { $before } ; avec elle : { $after }. Qui avait confirmé avant elle doit le refaire.
brake-agreed = Premier accord le { $time } par { $names }. Cela ne se fait que si { $quorums } confirment entre le { $from } et le { $until }. Ont déjà confirmé : { $confirmed }
proposal-weakens = - Ceci change qui détruit ou modifie la charte, ou dans quel délai. Il faut deux accords séparés par un délai.
proposal-everybody = - ATTENTION : « { $name } » exige toutes les personnes nommées. Si l’une d’elles est perdue, plus personne ne peut faire ce à quoi cet accord sert.
proposal-agreed = La proposition { $index } a reçu son premier accord. Rien ne se fait avant la confirmation : « sequestre destroy confirm { $index } », du { $from } au { $until }.
ask-destroy = Êtes-vous d’accord pour que cela soit détruit pour toujours ?
ask-confirm = C’est le second accord : avec le dernier, cela se fait et ne peut plus être défait. Le confirmez-vous ?
veto-done = Votre opposition à la proposition { $id } est inscrite au journal. Elle n’y met pas fin. Qui avait confirmé doit le refaire, et « sequestre destroy confirm { $id } » montre qui doit confirmer maintenant.
inbox-destruction = { $id } — { $name } propose de détruire { $subject }.
inbox-agreed = { $id } — premier accord donné : { $what }. À confirmer du { $from } au { $until } ; pour s’opposer : « sequestre destroy veto { $id } --reason … ».
inbox-confirm = { $id } — attend votre second accord jusqu’au { $until } : { $what }. « sequestre destroy confirm { $id } »
inbox-confirmable = { $id } — d’autres peuvent confirmer jusqu’au { $until } : { $what }. Pour s’opposer : « sequestre destroy veto { $id } --reason … ».
inbox-vetoed = { $name } s’y oppose : « { $reason } ».
status-destroy-delay = Pour détruire, il faut deux accords, à { $delay } d’intervalle au moins.
status-proposal-destruction = - { $proposal } : { $proposer } propose de détruire { $what } : « { $reason } ». Ouverte jusqu’au { $time }. D’accord : { $signed }. Peuvent encore donner leur accord : { $others }. Manquent : { $missing }
status-destroyed = Cette association a été détruite le { $time }. Son journal peut être lu et vérifié ; rien ne peut s’y ajouter.
status-destroyed-kept = { $n } fichiers de ce qui a été détruit restent sur cet ordinateur jusqu’au { $time }, au cas où cela se serait fait à l’insu des gens. Aucun écran ne les montre ; « sequestre recover » les ouvre avec le journal d’avant.
view-end-destroyed = terminé, ce qui était demandé a été détruit
view-end-sealed = terminé, { $name } a fermé ce qui était ouvert au serveur
view-end-closed = terminé, le serveur n’a plus les clés auxquelles cela s’ouvrait
view-end-not-used = terminé, c’était accordé mais ne s’est pas fait à temps
view-end-replaced = terminé, une version plus récente l’a remplacé
view-end-delegated = devenu une délégation
view-text-destroyed = (détruit)
log-propose-destruction = { $who } a proposé de détruire { $what } (proposition { $proposal }) : « { $reason } ».
log-sign-destruction = { $who } a donné son accord pour détruire { $what } (proposition { $proposal }).
log-confirm-again = { $who } a confirmé la proposition { $proposal } ({ $what }).
log-destroyed = { $who } a confirmé la proposition { $proposal }, et c’est ainsi fait : destruction pour toujours ({ $what }).
log-veto = { $who } s’est opposé·e à la proposition { $proposal } ({ $what }), parce que « { $reason } ».
log-then-agreed = La proposition { $proposal } a ainsi reçu son premier accord ; elle peut être confirmée à partir du { $time }.
failed-text-unknown = Aucun texte n’a le numéro « { $text } », ou plusieurs l’ont. Prenez-le en entier dans « sequestre audit log --json ».
failed-destroy-delay = Le délai entre les deux accords pour détruire quelque chose doit être compris entre 1 heure et 90 jours.
help-destroy = Proposer de détruire quelque chose pour toujours ; il faut deux accords séparés par un délai
help-destroy-label = Le compte
help-destroy-version = Seulement cette version du compte
help-destroy-organisation = L’association entière
help-destroy-text = Un texte : le numéro que montre « sequestre audit log --json »
help-destroy-reason = Motif ; les autres le lisent
help-destroy-confirm = Donner le second accord, une fois le délai passé (aussi pour une charte qui rend la destruction plus facile)
help-destroy-confirm-id = Numéro montré par « sequestre inbox »
help-destroy-veto = S’opposer à ce qui est proposé ou déjà accepté une fois : il faut alors confirmer de nouveau, et à davantage s’il y a davantage de monde
help-destroy-veto-id = Numéro montré par « sequestre inbox »
help-destroy-veto-reason = Motif ; les autres le lisent
help-found-destroy-delay = Délai entre les deux accords qu’il faut pour détruire quelque chose [sinon : 7d]
