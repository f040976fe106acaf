# Changer la charte.
help-charter-plan = Montrer la charte en vigueur sous forme de projet à modifier
help-charter-plan-plan = Nouveau fichier où l’écrire ; sans lui, le projet est affiché
help-charter-amend = Proposer une nouvelle charte d’après un projet modifié
help-charter-amend-plan = Fichier du projet, tel que « sequestre charter plan » l’a écrit
amend-plan-written = La charte en vigueur est écrite dans { $path }, comme projet de la version { $version }. Modifiez-le, puis lancez « sequestre charter amend { $path } ». Toute nouvelle personne doit avoir rejoint avec une invitation de votre part ; la nommer la fait entrer. « all » dans un groupe désigne tous et toutes les gardien·nes. Un coffre peut aussi avoir « leases_signed_by » (qui accorde les identifiants que crée le serveur) et « unasked » (qui les reçoit sans demander ; s’écrit comme « askers »).
amend-plan-unreadable = { $path } n’est pas un projet de charte. Repartez de ce qu’écrit « sequestre charter plan ».
amend-no-charter = Il n’y a pas encore de charte à changer. La personne fondatrice propose la première avec « sequestre charter propose ».
amend-other-version = Le projet est pour la version { $version } de la charte, et la prochaine est la version { $wanted } : la charte a changé, ou le projet concerne une autre association. Repartez de « sequestre charter plan ».
amend-nothing-changes = Le projet dit la même chose que la charte en vigueur. Modifiez-le d’abord.
amend-roles-differ = { $name } a été invité·e comme : { $roles }. Le projet doit lui donner exactement ces fonctions, ou { $name } doit être invité·e de nouveau.
amend-left-out = La charte en vigueur nomme encore des personnes parties ; le projet les omet : { $list }.
ask-amend = Proposez-vous cette charte, avec votre signature ?
amend-named-twice = Quelqu’un est nommé deux fois dans : { $list }. Dans un même accord, chaque personne compte une fois, dans un seul de ses groupes.

# Ce qui a été signé ici, jusqu’à ce que ce soit sûr.
outbox-waits = { $n ->
    [one] Une chose signée n’est pas arrivée au journal et attend d’être envoyée de cet ordinateur.
   *[other] { $n } choses signées ne sont pas arrivées au journal et attendent d’être envoyées de cet ordinateur.
} Pour ce qui est trop ancien, votre prochaine commande qui demande votre phrase secrète vous posera la question, ou vous dira de le refaire.
outbox-waits-item = - en attente : { $what }
outbox-what = { $kind ->
    [deposit] votre dépôt de « { $subject } »
    [request] votre demande « { $subject } »
    [invite] votre invitation de { $subject }
    [shares] votre vérification de vos parts
    [approve] votre accord à la demande { $subject }
    [deny] votre refus de la demande { $subject }
    [return] votre restitution de l’accès { $subject }
    [revoke] votre arrêt de l’accès { $subject }
    [sign] votre signature de la proposition { $subject }
    [confirm] votre confirmation de la destruction { $subject }
    [veto] votre veto contre la proposition { $subject }
    [leave] votre départ de l’association
    [remove] votre proposition de retirer { $subject }
    [admit] votre proposition d’admettre { $subject }
    [charter] votre proposition de charte
    [destroy] votre proposition de détruire quelque chose, parce que « { $subject } »
    [drill] votre exercice
    [seal] votre fermeture de ce qui est ouvert au serveur, parce que « { $subject } »
    [rotate] votre demande d’un nouveau secret pour « { $subject } »
    [delegate] votre mise en vigueur de la délégation { $subject }
    [delegation-end] votre arrêt de la délégation { $subject }
    [take] votre prise d’un accès : « { $subject } »
    [answer] la réponse de { $subject } à une récupération sans serveur
   *[other] une de vos commandes
}, { $time }
outbox-renewed = Signé de nouveau, et maintenant au journal : { $what }.
outbox-do-again = Trop ancien pour être envoyé, et abandonné : { $what }. Rien n’a été signé de nouveau. Si vous le voulez encore, regardez où en sont les choses et refaites-le.
outbox-dropped = Abandonné : { $what }.
outbox-entered = Le serveur avait dit refuser ceci, et l’a tout de même mis au journal, entrée { $index } : { $what }. Dites-le aux autres.
ask-sign-anew = Ceci n’est pas arrivé au journal et est trop ancien pour être envoyé : { $what }. Le signer de nouveau ?
deny-withdrawn = Votre accord à la demande { $id }, qui n’était pas au journal ici, ne sera plus envoyé, et vos parts ne seront pas remises. Le serveur a peut-être déjà reçu l’accord ; le journal pourrait alors encore le montrer.
witness-clock-refused = Le serveur dit que votre horloge est fausse, et détient une confirmation que vous avez signée avec elle. Si votre horloge est juste, le serveur ne dit pas la vérité : dites-le aux autres.
outbox-delivered-answer = La réponse de { $name } à une récupération sans serveur est maintenant au journal.
outbox-not-taken = La réponse de { $name } à une récupération sans serveur n’est pas au journal : { $reason } Elle reste sur cet ordinateur et sera renvoyée à chaque contact. Si cela ne suffit pas, prévenez les autres.
safety-recorded = Inscrit au journal, entrée { $index } ; pas encore sûr : { $have ->
    [0] sur les { $needed } gardien·nes qu’il faut, personne ne l’a confirmé
    [one] sur les { $needed } gardien·nes qu’il faut, une seule personne l’a confirmé
   *[other] { $have } gardien·nes sur les { $needed } qu’il faut l’ont confirmé
}. D’ici là, cet ordinateur le garde.
witness-blobs-missing = { $n ->
    [one] Le serveur ne donne pas un des fichiers que les gardien·nes doivent avoir.
   *[other] Le serveur ne donne pas { $n } des fichiers que les gardien·nes doivent avoir.
} Votre ordinateur ne confirme pas le journal tant qu’il ne les a pas. Demandez à la personne technicienne, et dites-le aux autres gardien·nes.

witness-seen-request = Le journal jusqu’à cette demande : { $seen ->
    [0] aucun des { $of } témoins ne l’a confirmé
    [one] un témoin sur { $of } l’a confirmé
   *[other] { $seen } témoins sur { $of } l’ont confirmé
}, pour ce qu’en sait cet ordinateur.

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
status-never-safe = Sous cette charte, rien ne peut devenir sûr : parmi les personnes qui détiennent des parts, trop sont technicien·nes et ne comptent pas. Modifiez la charte, ou faites que les accords demandent plus de personnes.
status-unsafe-entry = - entrée { $index } : { $have ->
    [0] personne ne l’a confirmée, sur les { $needed } gardien·nes qu’il faut
    [one] une personne l’a confirmée, sur les { $needed } gardien·nes qu’il faut
   *[other] { $have } gardien·nes l’ont confirmée, sur les { $needed } qu’il faut
}
status-unsafe-entry-charter = - entrée { $index } : sûre seulement une fois une charte en vigueur
status-lost = - { $command } : le journal que le serveur montre maintenant ne l’a plus
status-unsent = { $n ->
    [one] Une chose signée, qui attend sur cet ordinateur, n’est pas encore arrivée au journal.
   *[other] { $n } choses signées, qui attendent sur cet ordinateur, ne sont pas encore arrivées au journal.
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
watch-distrust = { $name } : ATTENTION. { $why } Rien n’en a été accepté. Dites-le aux autres ; nouvel essai.
watch-back = { $name } : le serveur répond de nouveau ; { $size } entrées, rien de nouveau.
watch-busy = { $name } : une autre commande occupe le dossier, peut-être devant une question ; d’ici là, rien n’est confirmé ici.
watch-ended = Veille terminée.

# Comparer ce que chacun·e a vu.
help-audit-checkpoint = Imprimer votre point de contrôle le plus récent, avec ses confirmations, pour le donner aux autres
help-audit-compare = Comparer les points de contrôle reçus des autres, entre eux et avec votre propre copie du journal
help-audit-compare-notes = Fichiers de points de contrôle (notes signées)
help-audit-compare-log-key = La clé du journal, de source sûre ; sans elle, celle que cet ordinateur connaît
help-audit-compare-to = Nouveau dossier pour les preuves, si le journal avait été dédoublé
compare-nothing = Nommez au moins un fichier de point de contrôle.
compare-no-key = Cet ordinateur ne connaît pas le journal de l’association { $organisation }. Donnez sa clé avec --log-key.
compare-other-log = { $path } est un point de contrôle d’un autre journal, celui de l’association { $organisation }. Comparez chaque journal séparément.
compare-unreadable = { $path } n’est pas un point de contrôle. Les autres impriment le leur avec « sequestre audit checkpoint » ; le texte s’envoie comme fichier, sans changement.
compare-readme-moved = Entre les deux tailles, l’association a déménagé, et son journal a depuis une autre clé. C’est elle qui signe la seconde note : { $key } ({ $hex }). L’entrée du déménagement, dans toute copie du journal, nomme les deux clés et porte la signature de qui peut modifier la charte.
compare-left-behind = { $path } est signé par une clé que ce journal avait avant un déménagement, et continue là où le déménagement l’a quitté : ce qu’il dit ne fait pas partie de ce journal. On ne peut rien y comparer ici.
compare-false-note = { $path } n’est pas signé par la clé de ce journal. Cela ne dit rien du journal ; redemandez à qui vous l’a donné.
compare-false-cosignature = Une confirmation dans { $path } ne lui correspond pas ; elle n’a pas été comptée. Redemandez à qui vous l’a donné.
compare-confirmed = { $cosigners ->
    [0] que personne de connu ici n’a confirmées
    [one] confirmées par une personne
   *[other] confirmées par { $cosigners } personnes
}
compare-agrees = { $path } : { $size } entrées, { $confirmed }. CONCORDE avec votre propre copie, qui en a { $own }.
compare-same = { $path } : { $size } entrées. Le même arbre qu’un autre de ces points ; il n’y a pas ici de copie du journal pour comparer.
compare-alone = { $path } : { $size } entrées. NON COMPARÉ : aucun des autres n’a autant d’entrées, et il n’y a pas ici de copie du journal.
compare-beyond = { $path } : { $size } entrées, { $confirmed }. NON COMPARÉ : votre propre copie s’arrête à { $own }. Lancez « sequestre sync », puis comparez de nouveau.
compare-contradicts = { $path } : { $size } entrées, { $confirmed }. CONTREDIT un autre point de contrôle ou votre propre copie.
ask-compare-stop = Un de ces points de contrôle ne porte aucune confirmation d’une personne dont l’ordinateur figure dans votre journal. Quiconque a un jour copié la clé du journal, ou possède une ancienne sauvegarde du serveur, peut fabriquer un tel fichier chez soi. Si vous arrêtez maintenant, cet ordinateur n’accepte plus rien de ce serveur tant que l’association n’a pas déménagé. Arrêter ?
compare-not-stopped = Cet ordinateur continue avec le serveur. Montrez les preuves aux autres, et demandez si l’ordinateur de quelqu’un se trouve sur l’autre branche (« sequestre audit checkpoint » sur chacun).
compare-fork = STOP. La clé du journal a signé deux journaux qui ne peuvent pas être vrais tous les deux. Soit le serveur a montré des journaux différents, soit quelqu’un qui détient ou a copié sa clé a fabriqué le second. Les preuves sont dans { $path }. Donnez-les aux autres et à un·e médiateur·rice, et ne signez plus rien.
compare-readme =
    PREUVE QU’UN JOURNAL A ÉTÉ DÉDOUBLÉ

    CE QUE C’EST
    one.note et two.note sont deux déclarations signées avec la clé du journal
    du séquestre d’une association. Chacune dit : « le journal a tant d’entrées,
    et voici leur empreinte (racine) ». Elles ne peuvent pas être vraies
    toutes les deux. Qui détient la clé du journal, ou l’a un jour copiée, a
    signé les deux. Cela prouve que la clé a servi deux fois, non par qui, ni
    que le second journal ait été montré à quelqu’un. Demandez à qui : sous
    chacune des deux, y a-t-il une confirmation (une autre ligne de signature)
    de l’ordinateur de quelqu’un ?

    Association   { $id }
    Clé du journal { $key }
    la même, hexa { $hex }
    one.note      { $one } entrées, racine { $first }
    two.note      { $two } entrées, racine { $second }

    COMMENT LA VÉRIFIER, SANS LE SERVEUR ET SANS CE LOGICIEL
    1. Assurez-vous que la clé ci-dessus est celle de l’association : plusieurs
       membres l’ont sur leur carte de contact et dans leur copie du journal.
    2. Les deux fichiers sont des notes signées (c2sp.org/signed-note) : un
       texte de trois lignes, une ligne vide, des lignes de signature. Le texte
       est : le nom du journal, le nombre d’entrées, la racine en base64. La
       ligne de signature du journal est celle qui commence par son nom, avec
       { $id } et rien derrière.
    3. Dans cette ligne, décodez le base64 de la fin : 4 octets qui nomment la
       clé, puis 64 octets d’une signature Ed25519 du texte avec tous ses sauts
       de ligne, sans la ligne vide. Elle doit être juste avec la clé du
       journal, dans les deux fichiers. Tout outil qui connaît Ed25519 convient.
compare-readme-same =
    4. Le nombre d’entrées est le même, les racines diffèrent. Cela suffit : un
       journal n’a qu’une racine à chaque taille.
compare-readme-sizes =
    4. Les nombres d’entrées diffèrent ; il faut donc une preuve :
       consistency.txt. Ses deux premières lignes donnent deux tailles avec
       leurs racines, en hexadécimal ; les autres lignes sont des empreintes.
       Vérifiées selon la RFC 9162, section 2.1.4.2, elles prouvent que le
       journal de two.note avait, à la taille de one.note, la racine
       { $prefix }
       et non celle que one.note déclare.
lock-waits = Un autre « sequestre » utilise ce dossier. En attente qu’il ait fini.
