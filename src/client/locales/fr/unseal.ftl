# Ouverture au serveur, pour le travail des connecteurs.
unseal-done = La demande { $id } est au journal : « { $label } » est à ouvrir au serveur pour { $duration }. Elle attend les accords jusqu’au { $until }.
unseal-forward =
    Texte à transmettre aux gardien·nes :

    {"  "}{ $name } ({ $organisation }) demande que « { $label } » soit ouvert au serveur pour { $duration }.
      Motif : { $reason }
      Pour voir : sequestre inbox — pour accepter : sequestre approve { $id }
      La demande reste ouverte jusqu’au { $until }.
ask-seal = Fermer tout de suite tout ce qui est ouvert au serveur : { $list }. Un accès avec codes à usage unique se termine avec. Les accès déjà créés chez une cible durent jusqu’à leur fin, et ce qui doit être retiré chez une cible attend alors une nouvelle ouverture. Fermer ?
seal-done = { $n ->
    [one] Fermé : ce qui était ouvert au serveur est effacé de sa mémoire.
   *[other] Fermé : les { $n } comptes ouverts au serveur, ou sur le point de l’être, sont effacés de sa mémoire.
}
seal-nothing = Rien n’est ouvert au serveur, et rien n’est sur le point de l’être.
seal-stays = RESTE OUVERT : « { $label } » (demande { $id }) { $open ->
    [0] est accordé, et le serveur va l’ouvrir
   *[other] est ouvert au serveur jusqu’au { $until }
}. { $rests ->
    [0] Les autres viennent de donner leur accord : lancez « sequestre seal » encore une fois.
   *[other] Vous avez fermé ce compte il y a peu, et les autres ont donné de nouveau leur accord ; vous pourrez le refermer à partir du { $from }.{ $n ->
        [0] {" "}Personne d’autre, parmi les gardien·nes, ne peut le fermer avant non plus.
       *[other] {" "}Peuvent le fermer maintenant, avec « sequestre seal » : { $names }.
    }
}
failed-seal-stays = { $n ->
    [one] Tout n’est pas fermé : une ouverture au serveur reste, comme indiqué plus haut.
   *[other] Tout n’est pas fermé : { $n } ouvertures au serveur restent, comme indiqué plus haut.
}
verify-works = « { $label } » : ce qui est sous séquestre y fonctionne.
verify-fails = « { $label } » : ce qui est sous séquestre n’y fonctionne PAS. Quelqu’un l’a changé chez la cible, ou ce n’était pas juste : regardez-y, puis déposez ce qui est juste avec --new-version.
rotate-asked = « { $label } » doit recevoir un nouveau secret (entrée { $index } du journal). Le serveur le scelle pour les gardien·nes avant de toucher à la cible.
rotate-staged = Le nouveau secret, version { $version }, est scellé et sous séquestre ; maintenant la cible le reçoit.
rotate-done = « { $label } » a un nouveau secret : version { $version }. Il n’a été montré à personne.
rotate-dropped = La cible a gardé ce qu’elle avait : le nouveau secret est abandonné. « sequestre verify » dit si l’ancien fonctionne.
rotate-goes-on = Le serveur y travaille encore et continue de lui-même : « sequestre status » dit où il en est.

# Ce qui est ouvert au serveur, et ce qu’il a encore à faire.
open-window = Ouvert au serveur jusqu’au { $until } : « { $label } » (demande { $id } faite par { $name } ; accords : { $list })
open-window-by-server = Ouvert au serveur jusqu’au { $until } : « { $label } » (demande { $id }, faite par le serveur lui-même pour { $name } ; accords : { $list })
open-readable = Les personnes qui gèrent le serveur peuvent le lire pendant ce temps : { $names }.
open-codes = Ouvert au serveur jusqu’au { $until }, pour des codes à usage unique : « { $label } » (demande { $id } de { $name })
open-granted = Sur le point d’être ouvert au serveur : « { $label } » (demande { $id })
open-revocation = PAS ENCORE RETIRÉ : l’accès de { $name } à « { $label } » (demande { $id }) est terminé depuis le { $since }, et ce que le serveur avait créé est encore chez la cible.
open-revocation-window = Pour le retirer, le serveur a besoin que « { $label } » lui soit ouvert : « sequestre unseal "{ $label }" --for 1h --reason … », ou acceptez la demande du serveur.
open-mint = En cours de création chez la cible : l’accès de { $name } à « { $label } » (demande { $id })
open-rotation = Un nouveau secret pour « { $label } » est en route : la version { $version } est scellée ; la cible a soit celle-ci, soit l’actuelle.
open-rotation-asked = Un nouveau secret pour « { $label } » a été demandé.
open-tries = Le serveur a essayé { $n ->
    [one] une fois
   *[other] { $n } fois
}, prochain essai le { $next }. La dernière fois : { $why }
open-tries-none = Le serveur n’a pas encore essayé.
open-waits = Le serveur attend : { $why }
open-delegation = Délégation { $id } : { $name } peut prendre « { $label } » encore { $left ->
    [one] une fois
   *[other] { $left } fois
}, jusqu’au { $until }

# Pourquoi le serveur n’y est pas arrivé, ou ce qu’il attend : une phrase pour chaque mot du serveur.
work-unreachable = la cible est injoignable
work-refused = la cible refuse
work-not-allowed = la configuration du serveur ne permet pas cette cible
work-settings = le texte du connecteur est inutilisable
work-denied = la cible ne laisse pas le secret d’administration faire cela
work-not-ours = quelque chose de ce nom y est et n’a pas été créé pour cela
work-unfinished = c’est commencé chez la cible et pas fini
work-unknown = la cible n’a pas dit si elle l’a fait
work-not-supported = ce genre de compte ne sait pas le faire
work-no-randomness = la machine du serveur n’a pas donné de nombres aléatoires ; un·e technicien·ne doit y regarder
work-closed = le compte n’est pas ouvert au serveur ; demandez-le avec « sequestre unseal »
work-sealed = le compte a été fermé pendant que le serveur y travaillait
work-other-version = une version plus récente que celle qui est ouverte au serveur est sous séquestre ; redemandez l’ouverture avec « sequestre unseal »
work-other-target = le compte est ouvert au serveur avec un autre connecteur que celui qui a servi ici
work-shares-missing = les ordinateurs des personnes qui ont accepté n’ont pas tous remis leurs parts de la clé ; qu’elles lancent « sequestre sync »
work-shares-bad = les parts remises ne donnent pas la clé ; l’accord d’un·e autre gardien·ne peut aider
work-key-gone = le serveur n’a plus la clé à laquelle ceci devait s’ouvrir, parce qu’il a été redémarré ; il faut redemander et accepter à nouveau
work-damaged = ce que la clé ouvre n’est pas ce qui a été déposé ; déposez-le à nouveau avec --new-version
work-not-taken = la cible a accepté le nouveau secret, et il n’y fonctionne pas
work-dealing = le nouveau secret n’a pas pu être distribué aux gardien·nes ; le journal technique du serveur dit pourquoi
work-sealing = ce qui a été créé n’a pas pu être scellé pour la personne qui l’a demandé
work-rules = les règles ne le permettent pas en ce moment
work-stopping = le serveur est en train de s’arrêter
work-storage = le disque du serveur ne fonctionne pas comme il faut ; un·e technicien·ne doit y regarder
work-inside = quelque chose a échoué dans le serveur ; son journal technique le dit
work-window-too-short = le compte n’est pas ouvert au serveur assez longtemps ; redemandez l’ouverture avec « sequestre unseal »
work-checked-out = quelqu’un d’autre utilise le compte, et une seule personne à la fois le peut
work-still-at-target = ce qui a été créé auparavant chez la cible pour quelqu’un n’est pas encore retiré
work-version-conflict = quelqu’un a déposé une nouvelle version entre-temps
work-unchecked = la cible laisse entrer avec n’importe quel mot de passe : aucun ne peut être vérifié, aucun n’y compte
work-needs-exclusive = ses accès partagent un seul compte : redéposez-le avec --exclusive
work-input = ce que la cible apprendrait n’est pas une ligne de texte, et personne n’a pu le lire avant de donner son accord ; la personne doit refaire sa demande
work-krl-folder = la liste des certificats SSH révoqués n’a pas pu être écrite sur le serveur
work-staged-not-open = le nouveau secret n’est pas ouvert au serveur : ouvrez de nouveau le compte
work-busy = d’autres sont chez la cible, ou ce secret est déjà en train d’être essayé
work-may-be-late = ce n’y est pas en ce moment, mais la cible n’avait pas répondu quand il fallait le créer ; pendant une heure cela peut encore arriver, et c’est cherché à nouveau
work-other = une autre raison ; le journal technique du serveur la donne

# Ce que dit --help.
help-unseal = Demander que des comptes avec connecteur soient ouverts au serveur pour un temps, pour qu’il y crée des accès
help-unseal-labels = Les comptes
help-unseal-duration = Combien de temps, à partir de l’accord complet : 2h, 8h, 3d ; 7d au plus
help-unseal-reason = Pourquoi ; les gardien·nes le lisent avant d’accepter
help-unseal-open-for = Combien de temps la demande attend les accords, 7d au plus [par défaut : 72h]
help-seal = Fermer tout de suite tout ce qui est ouvert au serveur, en tant que gardien·ne
help-seal-reason = Pourquoi ; les autres le lisent
help-verify = Demander au serveur si le secret d’un compte fonctionne chez sa cible, pendant qu’il lui est ouvert
help-verify-label = Le compte
help-rotate = Faire donner un nouveau secret à un compte par le serveur, pendant qu’il lui est ouvert
help-rotate-label = Le compte
help-ssh = Pour les comptes qui sont des autorités SSH
help-ssh-krl = Écrire la liste de révocation (KRL) des certificats d’une autorité, faite d’après le journal vérifié par cet ordinateur
help-ssh-krl-label = Le compte
help-ssh-krl-output = Nouveau fichier où l’écrire
krl-written = La liste de révocation est dans { $path } ; certificats qu’elle contient : { $n }. Mettez-la où pointe RevokedKeys de sshd.
failed-no-authority = « { $label } » n’est pas une autorité SSH : il n’y a pas de certificats à révoquer.
failed-opens-to-server = La demande { $id } s’ouvre au serveur, pas à vous. « sequestre status » montre ce qui est ouvert.
failed-is-delegation = La demande { $id } est pour une délégation. Quand elle est accordée : « sequestre delegate --finish { $id } ».
connector-unreadable = une cible illisible ici
request-connector-unreadable = ATTENTION : la façon dont le serveur atteint la cible est illisible sur cet ordinateur. N’acceptez pas avant de savoir.
progress-making = Le serveur le crée…
recover-staged = { $label } (ou bien ceci : le serveur allait le mettre en place)
progress-agreement = En attente des accords
