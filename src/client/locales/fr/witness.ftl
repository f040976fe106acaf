# Changer la charte.
help-charter-plan = Montrer la charte en vigueur sous forme de projet à modifier
help-charter-plan-plan = Nouveau fichier où l’écrire ; sans lui, le projet est affiché
help-charter-amend = Proposer une nouvelle charte d’après un projet modifié
help-charter-amend-plan = Fichier du projet, tel que « sequestre charter plan » l’a écrit
amend-plan-written = La charte en vigueur est écrite dans { $path }, comme projet de la version { $version }. Modifiez-le, puis lancez « sequestre charter amend { $path } ». Toute nouvelle personne doit avoir rejoint avec une invitation de votre part ; la nommer la fait entrer. Un groupe sans membres désigne tou·te·s les gardien·ne·s.
amend-plan-unreadable = { $path } n’est pas un projet de charte. Repartez de ce qu’écrit « sequestre charter plan ».
amend-no-charter = Il n’y a pas encore de charte à changer. La personne fondatrice propose la première avec « sequestre charter propose ».
amend-other-version = Le projet est pour la version { $version } de la charte, et la prochaine est la version { $wanted } : la charte a changé, ou le projet concerne une autre association. Repartez de « sequestre charter plan ».
amend-nothing-changes = Le projet dit la même chose que la charte en vigueur. Modifiez-le d’abord.
amend-roles-differ = { $name } a été invité·e comme : { $roles }. Le projet doit lui donner exactement ces fonctions, ou { $name } doit être invité·e de nouveau.
amend-named-twice = Quelqu’un est nommé deux fois dans : { $list }.

# Ce qui a été signé ici, jusqu’à ce que ce soit sûr.
outbox-waits = { $n ->
    [one] Quelque chose que vous avez signé attend d’être envoyé et date trop.
   *[other] { $n } choses que vous avez signées attendent d’être envoyées et datent trop.
} Ce sera signé de nouveau à votre prochaine commande qui demande votre phrase secrète.
outbox-renewed = Quelque chose que vous aviez signé datait trop. C’est signé de nouveau, et arrivé au journal.
safety-recorded = Inscrit au journal, entrée { $index } ; pas encore sûr : { $have } gardien·ne·s sur { $needed } l’ont confirmé. D’ici là, cet ordinateur le garde.
witness-blobs-missing = { $n ->
    [one] Le serveur ne donne pas un des fichiers que les gardien·ne·s doivent avoir.
   *[other] Le serveur ne donne pas { $n } des fichiers que les gardien·ne·s doivent avoir.
} Votre ordinateur ne confirme pas le journal tant qu’il ne les a pas. Demandez à la personne technicienne, et dites-le aux autres gardien·ne·s.

# Où en sont les choses : témoins, et ce qui pourrait encore se perdre.
status-witness-all = - { $name } l’a confirmé en entier, le { $time }.
status-witness-some = - { $name } a confirmé les { $seen } premières entrées sur { $size }, le { $time }.
status-witness-never = - { $name } n’a rien confirmé que cet ordinateur ait vu.
status-liars = Pour montrer deux journaux différents qui paraîtraient tous deux confirmés, le serveur aurait besoin que { $n } témoins sur { $of } mentent avec lui.
status-opens = Le coffre « { $vault } » s’ouvre par : { $list }
status-unsafe = { $n ->
    [one] Un de vos actes est au journal sans être encore sûr ; d’ici là, cet ordinateur le garde :
   *[other] { $n } de vos actes sont au journal sans être encore sûrs ; d’ici là, cet ordinateur les garde :
}
status-unsafe-entry = - entrée { $index } : { $have } gardien·ne·s sur { $needed } l’ont confirmée
status-unsafe-entry-charter = - entrée { $index } : sûre seulement une fois une charte en vigueur
status-lost = - { $command } : le journal que le serveur montre maintenant ne l’a plus
status-unsent = { $n ->
    [one] Une chose que vous avez signée n’est pas encore arrivée au journal.
   *[other] { $n } choses que vous avez signées ne sont pas encore arrivées au journal.
}

# Veiller.
help-sync-watch = Rester, et synchroniser à chaque changement, dans toutes vos associations ; sans phrase secrète
watch-begun = { $name } : synchronisé, { $size } entrées. En attente de changements.
watch-changed = { $name } : { $new ->
    [one] une nouvelle entrée
   *[other] { $new } nouvelles entrées
}, { $size } en tout{ $confirmed ->
    [0] {""}
   *[other] , confirmé
}.
watch-away = { $name } : { $why } Nouvel essai, de plus en plus rarement.
watch-back = { $name } : le serveur répond de nouveau ; { $size } entrées, rien de nouveau.
watch-ended = Veille terminée.
