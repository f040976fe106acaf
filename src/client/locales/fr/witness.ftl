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
