# Récupération sans le serveur : commencer.
recover-started = La demande pour { $count ->
    [one] un compte
   *[other] { $count } comptes
} est dans { $path }. Envoyez-la aux gardien·nes. Appelez chacun·e et lisez ce code à haute voix : { $code }
recover-forward =
    À transmettre :
    { $name } demande vos parts des clés de { $organisation } ({ $count ->
        [one] un compte
       *[other] { $count } comptes
    }), sans le serveur : « { $reason } ».
    Enregistrez le fichier joint. Quand { $name } vous aura appelé·e, lancez : sequestre recover answer FICHIER -o reponse.txt
    Tapez le code que { $name } vous lit, et renvoyez reponse.txt par n’importe quel moyen ; seul·e { $name } peut l’ouvrir.
recover-start-not-here = Vous n’avez pas encore été admis·e, ou vous avez quitté l’association : les réponses vous seraient refusées. Faites commencer la récupération par une personne qui en fait partie.
recover-not-a-member = Le journal de cette copie ne connaît pas cette clé personnelle. Si vous avez tapé 24 mots, comparez-les un à un avec le papier, et leur ordre ; sinon, c’est la copie d’une autre association, ou elle est plus ancienne que votre arrivée.
recover-no-accounts = Il n’y a aucun compte à récupérer.
recover-exists = { $path } existe déjà. Choisissez un autre nom ; rien n’est écrasé.
recover-no-replica = Ce dossier ne connaît pas l’association de cette demande. Donnez la copie du journal de quelqu’un avec --replica DOSSIER.
recover-other-organisation = Cette copie du journal appartient à une autre association que la demande.
failed-replica-none = { $path } ne contient pas de copie d’un journal : il faut un dossier avec les fichiers « checkpoint » et « entries », organisations/… dans le dossier d’un·e gardien·ne.
failed-replica-cut = La copie du journal dans { $path } est tronquée : { $have } entrées sur { $need }. Prenez la copie d’un·e autre gardien·ne ; rien n’a changé.

# Répondre.
recover-head = Récupération sans le serveur. { $name } demande vos parts des clés { $count ->
    [one] d’un compte.
   *[other] de { $count } comptes.
}
recover-fingerprint = Empreinte de la personne : { $code }
recover-reason = Motif, donné le { $time } : « { $reason } »
recover-account = « { $label } » (coffre « { $vault } », compte { $id })
recover-part = {"  "}{ $part } (parts de sa clé remises jusqu’ici, toutes demandes confondues : { $released } ; il en faut pour l’ouvrir : { $needed })
recover-part-old = {"    "}C’est la version { $version }, remplacée depuis. Ce n’est plus l’actuelle.
recover-account-unnamed = Compte { $id } (coffre « { $vault } ») : son nom manque dans cette copie
recover-names-missing = { $count ->
    [one] Le nom d’une personne manque
   *[other] Les noms de { $count } personnes manquent
} dans cette copie : impossible de vérifier si quelqu’un s’appelle comme la personne qui demande. Comparez l’empreinte.
recover-roles = Rôles : { $roles }
recover-technician = ATTENTION : cette personne s’occupe du serveur que l’on dit disparu.
recover-not-asker = ATTENTION : d’après la charte, cette personne ne peut pas demander ce qui est dans : { $list }.
recover-copy-ends = Votre copie du journal s’arrête le { $time } ; les parts remises depuis cet ordinateur sont comptées.
ask-recover-withheld = Des noms manquent dans cette copie, peut-être parce que quelqu’un les a retenus. Continuer quand même, d’après l’empreinte et le numéro des comptes ?
ask-recover-doubtful = { $name } ne pourrait pas demander cela tant qu’il y a un serveur. Continuer quand même ?
recover-not-yours = { $count ->
    [one] Une partie de compte demandée
   *[other] { $count } parties de comptes demandées
} : vous n’y pouvez rien, vous n’avez pas de part de la clé, ou votre copie du journal ne connaît pas ce compte.
recover-tree-same = Le journal de cette personne est le même que le vôtre.
recover-tree-shorter = Le journal de cette personne est un état plus ancien du vôtre : il y manque { $count ->
    [one] une entrée.
   *[other] { $count } entrées.
}
recover-tree-longer = Le journal de cette personne a { $count ->
    [one] une entrée
   *[other] { $count } entrées
} de plus que le vôtre, ce qui ne peut pas être vérifié ici. Si le serveur répond encore, lancez d’abord « sequestre sync ».
ask-recover-answer = Remettre vos parts de ces clés à { $name } ? Appelez d’abord { $name }, à un numéro ou face à un visage que vous connaissez.
ask-recover-code = Le code de 20 chiffres que cette personne vous lit
recover-code-differs = Ce n’est pas le code de ce fichier. Rien n’a été remis. Faites-le relire ; s’il diffère encore, quelqu’un a échangé le fichier : prévenez les autres.
recover-own-bad = Votre part d’une clé de « { $label } » est laissée de côté : { $fault }.
recover-own-none = Aucune de vos parts de ces clés n’est utilisable depuis cette copie du journal. Prenez la copie d’un·e gardien·ne avec --replica DOSSIER.
recover-answered = Vos parts des clés { $count ->
    [one] d’un compte sont
   *[other] de { $count } comptes sont
} dans { $path }. Envoyez ce fichier à { $name } par n’importe quel moyen ; personne d’autre ne peut l’ouvrir.
recover-enters = Votre programme inscrira au journal ce qui a été remis, au prochain contact avec un serveur.
recover-enters-not = Ce qui a été remis ne s’inscrit pas tout seul au journal : ce dossier n’a de contact avec aucun serveur. Les commandes signées sont dans { $path }. Gardez-les. Quand il y aura de nouveau un serveur, une personne dont l’ordinateur fait partie de l’association les reprend avec « sequestre recover enter » et ce dossier, où qu’il ait été copié ou envoyé ; ou lancez « sequestre restore-identity » ici (--home). D’ici là, le journal ignore cette récupération.
recover-stranger = La personne { $id } n’est pas dans cette copie du journal. Rien n’a été remis et rien n’est cru.
recover-starter-gone = La personne qui demande a quitté l’association. Rien n’a été remis ; prévenez les autres.
recover-starter-candidate = La personne qui demande a été invitée et n’a jamais été admise. Rien n’a été remis ; prévenez les autres.
recover-expired = Cette demande a été faite le { $time }. On répond aux demandes pendant 30 jours. Rien n’a été remis ; s’il le faut encore, faites-en faire une nouvelle, et vérifiez l’horloge de cet ordinateur.
recover-own-request = C’est votre propre demande. Vos parts comptent d’elles-mêmes quand vous la terminez.
recover-no-share = Vous n’avez de part d’aucune clé demandée. Rien n’a été remis.
recover-other-log = D’après { $path }, { $name } a un autre journal que le vôtre. Ce n’est que la parole de { $name } : aucun serveur ne l’a signé, et ce peut être une erreur. Le fichier est gardé dans { $kept }. Demandez de vive voix à { $name }, et comparez avec d’autres personnes.
recover-copy-other = La copie dans { $path } n’est pas celle du même journal que le vôtre, et la clé de votre journal ne l’a pas signée. Elle n’est pas utilisée ; demandez à la personne qui vous l’a donnée.

# Fichiers que l’on s’envoie.
recover-file-none = { $path } n’est pas un fichier de récupération. Redemandez-le, en pièce jointe.
recover-file-request = { $path } est une demande, et il faut ici une réponse. On répond à une demande avec « sequestre recover answer ».
recover-file-answer = { $path } est une réponse, et il faut ici une demande. Les réponses vont à « sequestre recover finish » de la personne qui a demandé.
recover-file-damaged = { $path } est abîmé : coupé, ou modifié en route. Redemandez-le, en pièce jointe ; ce qui est déjà arrivé est gardé.
recover-file-newer = { $path } vient d’une version plus récente de ce programme. Mettez le vôtre à jour.
recover-file-foreign = { $path } répond à la demande d’une autre personne, ou à une demande faite sur un autre ordinateur. Demandez à son auteur·rice de répondre à la vôtre.
recover-file-stale = { $path } répond à votre demande précédente du { $time } (code { $code }), pas à celle-ci. Demandez une réponse à la plus récente, ou terminez la précédente avec --from.
recover-file-mixed = { $path } a été fabriqué à partir d’une réponse à une autre demande. Il n’est pas utilisé ; demandez de vive voix à la personne ce qu’elle a envoyé.
recover-file-signature = { $path } n’est pas signé par la personne qu’il nomme. Il n’est pas utilisé ; prévenez les autres.
recover-answer-again = { $name } a déjà répondu ; { $path } n’ajoute rien.
recover-bad-shares = Des parts de clés de { $name } sont inutilisables : { $fault }. Comptes concernés : { $list }. Ses autres parts sont gardées ; demandez-lui, ou à un·e gardien·ne de plus.
recover-fault-missing = absence de cette copie du journal
recover-fault-sealed = ouverture impossible avec la clé de la personne à qui c’est distribué
recover-fault-not-dealt = rien n’a été distribué à cette personne
recover-fault-duplicate = remise en double
recover-fault-unreadable = contenu illisible
recover-fault-field = appartenance à un autre compte, une autre version ou un autre accord
recover-fault-altered = différence avec ce que nomme le journal

# Terminer.
recover-none-started = Aucune récupération n’est en cours ici : aucune n’a été commencée, ou elle est terminée. Commencez par « sequestre recover start », ou faites taper leurs 24 mots aux personnes présentes (--words, --words-file).
recover-key-elsewhere = Cette récupération a été commencée sur un autre ordinateur, ou est terminée, ou ses fichiers ont disparu : sa clé n’est pas ici. Terminez-la là-bas, ou recommencez.
recover-here-reason = tout le monde est devant le même ordinateur
recover-parts-unknown = { $count ->
    [one] Une partie de compte visée
   *[other] { $count } parties de comptes visées
} par cette récupération ne se trouve pas dans cette copie du journal. Prenez-en une plus récente avec --replica DOSSIER.
recover-closed = Encore fermé : { $list }. Il manque { $missing ->
    [one] une personne
   *[other] { $missing } personnes
}. Peuvent encore répondre : { $names }. Ce qui est réuni est gardé.
recover-closed-no-blob = Les parts de la clé suffisent, mais le contenu scellé manque dans cette copie : { $list }. Prenez la copie d’un·e autre gardien·ne avec --replica DOSSIER. Ce qui est réuni est gardé.
recover-closed-bad-blob = La clé est là, mais ce qui a été scellé avec elle est abîmé ou vient d’ailleurs : { $list }. Récupérez ces comptes auprès des fournisseurs.
recover-closed-dealer = Toutes les parts sont bien celles qui ont été distribuées, et ensemble elles ne donnent pas la clé : { $list }. La personne qui a déposé ces comptes, ou le serveur s’il en a créé le secret, a distribué autre chose. Récupérez-les auprès des fournisseurs, et prévenez un·e médiateur·rice.
recover-nothing-open = Rien ne peut encore être ouvert. Ce qui est réuni est gardé : relancez la même commande quand d’autres réponses seront arrivées.
recover-passphrase = Le fichier sera verrouillé par une phrase secrète. En voici une bonne :
recover-sealing = Verrouillage du fichier…
recover-written = { $count ->
    [one] Un compte est ouvert
   *[other] { $count } comptes sont ouverts
}{ $closed ->
    [0] .
   *[other] , dont { $closed } en partie seulement.
} Le tout est dans { $path }, verrouillé par la phrase secrète ; « age -d » l’ouvre aussi.
recover-written-plain = { $count ->
    [one] Un compte est ouvert
   *[other] { $count } comptes sont ouverts
}{ $closed ->
    [0] .
   *[other] , dont { $closed } en partie seulement.
} Le tout est dans { $path }, lisible par quiconque obtient ce fichier. Supprimez-le dès que possible.
recover-forgotten = Tout ce qui était demandé est ouvert : la clé et les réponses de cette récupération ont été effacées de cet ordinateur.
recover-kept = Ce qui est réuni est gardé sur cet ordinateur. Quiconque a cet ordinateur et votre phrase secrète a ces comptes.
recover-old-version = « { $label } » : { $parts } a été remplacé depuis ; ce qui s’est ouvert est une ancienne version.
recover-note-version = { $part } : version { $version } (journal du { $time })
recover-note-old = { $part } : ANCIENNE version { $version } ; remplacée depuis (journal du { $time })
recover-now-change = Changez chacun de ces mots de passe chez son fournisseur : ils sont considérés comme connus à partir de maintenant.

# Oublier, et ce qui a été remis ailleurs.
ask-recover-expired = Vous avez demandé cela le { $time } (« { $reason } »). On répond aux demandes pendant 30 jours ; c’est passé. Ouvrir quand même ce qui est réuni ? (« sequestre recover forget » l’efface ; une nouvelle demande peut alors commencer.)
ask-recover-forget = Effacer la clé de votre récupération du { $time } (« { $reason } ») et { $count ->
    [0] aucune réponse
    [one] une réponse
   *[other] { $count } réponses
} ? Ce qui n’a pas été ouvert reste alors fermé, jusqu’à une nouvelle demande.
recover-forgotten-asked = La clé et les réponses de cette récupération ont été effacées de cet ordinateur. La demande est gardée ; le journal garde ce qui a été répondu.
recover-nothing-collected = Il n’y a rien à effacer : ce dossier n’a commencé aucune récupération, ou pas celle-là, ou elle est terminée ou déjà effacée.
recover-which = Plusieurs récupérations ont commencé ici. Indiquez la demande de l’une d’elles :
    { $list }
recover-one-of = { $time } : « { $reason } », { $path }
recover-no-command = { $path } n’est pas une réponse signée à une récupération de cette association. Elle n’a pas été reprise.
recover-no-commands = Il n’y a ici aucune réponse signée. Indiquez les fichiers, ou le dossier « outbox » que l’autre ordinateur a nommé.
recover-too-many = Il y a ici plus de { $most } fichiers : une seule association n’en a pas autant. Rien n’a été repris. Vérifiez que c’est bien le dossier « outbox » que l’autre ordinateur a nommé ; si oui, donnez les fichiers en plusieurs fois.
recover-taken-over = { $count ->
    [0] Aucune réponse signée n’a été reprise
    [one] Une réponse signée a été reprise
   *[other] { $count } réponses signées ont été reprises
}{ $known ->
    [0] .
    [one]  ; une était déjà au journal, ou attend ici.
   *[other]  ; { $known } étaient déjà au journal, ou attendent ici.
} Votre programme les inscrit au journal à son prochain contact avec un serveur (« sequestre sync »).

# Aide.
help-recover = Ouvrir des comptes sans le serveur, depuis une copie du journal et assez de gardien·nes
help-recover-start = Faire une demande signée pour les autres gardien·nes
help-recover-start-account = Un compte à récupérer, par son nom ; répétable ; sans cela, tous
help-recover-start-reason = Pourquoi ; toutes les personnes qui répondent le lisent
help-recover-start-output = Écrire la demande dans ce nouveau fichier
help-recover-start-replica = Utiliser cette copie du journal (un dossier organisations/…) au lieu de la vôtre
help-recover-start-words-file = Utiliser la clé personnelle des 24 mots de ce fichier ; - lit l’entrée standard
help-recover-answer = Examiner une demande, comparer son code de vive voix, et remettre vos parts des clés
help-recover-answer-request = Le fichier de demande reçu
help-recover-answer-code = Les 20 chiffres que vous a lus la personne qui demande ; sans cela, on vous les demande
help-recover-answer-output = Écrire la réponse dans ce nouveau fichier
help-recover-answer-replica = Utiliser cette copie du journal (un dossier organisations/…) au lieu de la vôtre
help-recover-answer-words-file = Utiliser la clé personnelle des 24 mots de ce fichier ; - lit l’entrée standard
help-recover-finish = Ouvrir tout ce que les réponses permettent, et l’écrire
help-recover-finish-answers = Fichiers de réponse ; ceux déjà donnés ont été gardés
help-recover-finish-from = La demande à terminer, si vous en avez fait plusieurs
help-recover-finish-output = Écrire les comptes dans ce nouveau fichier
help-recover-finish-format = JSON que Bitwarden et Vaultwarden importent (par défaut), CSV pour d’autres importations (jamais dans un tableur), ou un texte
help-recover-finish-plain = Ne pas verrouiller le fichier par une phrase secrète : quiconque l’obtient lit tout
help-recover-finish-keep = Garder ici la clé et les réponses, même quand tout a été ouvert
help-recover-finish-output-passphrase-file = Prendre la phrase secrète du nouveau fichier dans ce fichier
help-recover-finish-words-file = Les 24 mots d’une personne présente, dans un fichier ; répétable ; alors il ne faut pas de réponses
help-recover-finish-words = Combien de personnes présentes tapent leurs 24 mots
help-recover-finish-replica = Utiliser cette copie du journal (un dossier organisations/…) au lieu de la vôtre
help-recover-forget = Effacer la clé et les réponses d’une récupération que vous avez commencée
help-recover-forget-request = Sa demande ; sans elle, la seule qui ait commencé ici
help-recover-enter = Reprendre des réponses données sur un ordinateur sans contact, pour qu’elles arrivent au journal
help-recover-enter-files = Des réponses signées, ou le dossier « outbox » où elles sont
recover-format-unknown = « { $name } » n’est pas un format. Il y a : bitwarden, csv, text.
