# Quel genre d’ouverture une demande veut, vue par les gardien·nes.
request-kind-person = Ceci s’ouvre à une personne : { $name } voit le secret, et compte parmi les personnes qui le connaissent jusqu’à ce qu’il soit changé.
request-kind-administrator = ATTENTION : ceci donne à { $name } le secret d’administration lui-même, avec lequel tout est possible chez { $target }, et non un accès personnel auquel le serveur mettrait fin.
request-kind-codes = Le secret des codes à usage unique s’ouvre au serveur, qui montre les codes à { $name } pendant l’accès et ne donne le secret à personne.
request-kind-readable = Les personnes qui gèrent le serveur peuvent le lire pendant ce temps : { $names }.
request-kind-readable-nobody = Quiconque gère le serveur peut le lire pendant ce temps.
request-kind-unseal = Ceci s’ouvre au serveur, qui s’en sert pour créer et terminer des accès chez { $target }, pour { $duration } à partir du moment où il l’ouvre.
request-kind-by-server = Le serveur le demande de lui-même, parce qu’il a redémarré ou doit retirer un accès ; { $name } l’avait demandé en dernier.
request-kind-mint = Un identifiant est créé pour { $name } chez { $target } pour { $duration }, et retiré à la fin. Rien n’est ouvert : votre accord est une signature.
request-kind-delegation = Une DÉLÉGATION pour { $to } (empreinte { $code }) : { $uses ->
    [one] un accès
   *[other] { $uses } accès
} sans redemander, jusqu’au { $until }.
request-kind-delegation-connector = Rien n’est ouvert : votre accord est une signature, et le serveur crée à chaque fois un identifiant chez { $target }.
request-kind-delegation-static = Pour la créer, le secret s’ouvre à { $name }, dont l’ordinateur le scelle pour { $to }. { $name } compte dès lors parmi les personnes qui le connaissent ; { $to }, dès le premier accès. Si { $to } gère aussi le serveur, l’ouvrir sans entrée au journal lui serait possible.
proposal-vault-signed-by = Les identifiants que crée le serveur sont accordés par : { $list }.
proposal-vault-unasked = SANS DEMANDER à personne, tant qu’un compte est ouvert au serveur, reçoivent un identifiant personnel : { $who }.
status-vault-signed-by = Coffre « { $name } » : les identifiants que crée le serveur sont accordés par { $list }.
status-vault-unasked = Coffre « { $name } » : reçoivent un identifiant personnel SANS DEMANDER, tant qu’un compte est ouvert au serveur : { $who }.
request-input = Ce que le connecteur apprend de la personne : « { $text } »
request-connector = Comment le serveur atteint la cible, et ce qu’il y fait :
request-open-until = La demande reste ouverte jusqu’au { $until }.
ask-approve-unseal = Remettre votre part de la clé, pour que le serveur puisse l’ouvrir ?
ask-approve-signature = Êtes-vous d’accord ?
approve-granted-unseal = Votre accord à la demande { $id } est au journal. L’accord est complet : le serveur l’ouvre maintenant.
approve-granted-mint = Votre accord à la demande { $id } est au journal. L’accord est complet : le serveur crée l’identifiant maintenant.
approve-granted-delegation = Votre accord à la demande { $id } est au journal. L’accord est complet : l’ordinateur de { $name } met maintenant la délégation en vigueur.
approve-granted-delegation-connector = Votre accord à la demande { $id } est au journal. L’accord est complet : la délégation est en vigueur.
approve-done-signature = Votre accord à la demande { $id } est au journal.
inbox-request-unseal = { $id } — { $name } demande que « { $label } » soit ouvert au serveur pour { $duration } : « { $reason } ». Elle reste ouverte encore { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}Vous avez refusé ; vous pouvez encore accepter.
}
inbox-request-by-server = { $id } — le serveur demande que « { $label } » lui soit ouvert pour { $duration }, comme { $name } l’avait demandé : « { $reason } ». Elle reste ouverte encore { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}Vous avez refusé ; vous pouvez encore accepter.
}
inbox-request-mint = { $id } — { $name } demande un identifiant personnel pour « { $label } » pour { $duration } : « { $reason } ». Elle reste ouverte encore { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}Vous avez refusé ; vous pouvez encore accepter.
}
inbox-request-delegation = { $id } — { $name } demande une délégation sur « { $label } » pour { $to } : « { $reason } ». Elle reste ouverte encore { $left }.{ $denied ->
    [0] {""}
   *[other] {" "}Vous avez refusé ; vous pouvez encore accepter.
}
inbox-revocation-late = { $id } — ce qui a été créé pour { $name } sur « { $label } » n’est pas encore retiré, bien que l’accès soit terminé. « sequestre status » dit pourquoi.
inbox-due-connector = « { $label } » : son secret est à changer { $when } : faites-le ouvrir au serveur (« sequestre unseal »), puis lancez « sequestre rotate "{ $label }" ».
inbox-due-technician = « { $label } » : son secret est à changer { $when }. Quelqu’un qui gérait le serveur a pu l’y lire : ne laissez donc pas le serveur faire le nouveau ; changez-le chez la cible, puis déposez-le avec « sequestre deposit "{ $label }" --new-version ».
inbox-due-page = Page pour le changer : { $page }.
inbox-due-look = Ce qu’il faut aussi vérifier : « sequestre exposure "{ $label }" ».

# Genres de demande dans les listes.
kind-unseal = ouverture au serveur
kind-delegation = délégation
kind-mint = identifiant personnel
stage-making = en cours de création chez la cible
stage-revocation-due = terminé, PAS encore retiré chez la cible
stage-window = ouvert au serveur

# Dépôts avec connecteur.
deposit-connector-shown = Le serveur se servira de ce que vous déposez chez { $target } ({ $kind }), seulement tant que les gardien·nes le lui ouvrent :
ask-deposit-connector = Les membres qui le demandent y recevront un identifiant personnel, que le serveur crée et retire. Est-ce bien cela ?
failed-connector = { $path } ne dit pas comment atteindre une cible : { $why }
failed-no-connector = « { $label } » n’a pas de connecteur : le serveur ne peut rien y faire. Déposez-le d’abord avec --connector.
failed-connector-secret = { $path } contient le mot de passe déposé. Tout le monde peut lire le texte du connecteur : retirez-l’en.
failed-exclusive-needed = Ce que ce connecteur donne est partagé : ajoutez --exclusive, pour qu’une seule personne à la fois l’ait.

# Accès créés chez une cible.
request-done-mint = La demande { $id } d’un identifiant personnel pour « { $label } » est au journal.
request-granted-made = Aucun accord n’est nécessaire : le serveur le crée maintenant. « sequestre show { $id } » le montre.
request-granted-at-once = Aucun accord n’est nécessaire : « sequestre show { $id } » commence votre accès.
request-forward-mint =
    Texte à transmettre aux gardien·nes :

    {"  "}{ $name } ({ $organisation }) demande un identifiant personnel pour « { $label } » pour { $duration }.
      Motif : { $reason }
      Pour voir : sequestre inbox — pour accepter : sequestre approve { $id }
      La demande reste ouverte jusqu’au { $until }.
request-window-missing = « { $label } » n’est pas ouvert au serveur en ce moment. Ce que vous demandez ne peut être créé qu’une fois qu’il l’est : « sequestre unseal "{ $label }" --for 8h --reason … ».
failed-ssh-key-needed = « { $label } » donne des certificats SSH : nommez le fichier de votre clé publique avec --ssh-key.
failed-ssh-key = { $path } n’est pas une clé publique OpenSSH (une clé RSA a 8192 bits au plus). Donnez le fichier qui finit par .pub.
failed-not-for-connector = --{ $option } est pour les comptes dont le mot de passe s’ouvre à une personne ; « { $label } » a un connecteur. Avec --secret, vous demandez le secret d’administration lui-même.
failed-only-for-connector = --{ $option } est pour les comptes avec connecteur ; « { $label } » n’en a pas.
failed-made-damaged = Ce que le serveur a créé ne s’ouvre pas avec la clé de votre demande. Rendez-le avec « sequestre return { $id } » et redemandez.
failed-no-codes = La demande { $id } n’a pas de codes à usage unique que le serveur montre.
codes-head = Codes à usage unique pour « { $label } » ; Ctrl-C pour finir.
codes-code = { $code } — encore { $seconds } s
show-codes-hint = Les codes à usage unique viennent du serveur pendant votre accès : « sequestre show { $id } --codes ».
show-foot-made = Quand vous avez fini : « sequestre return { $id } ». Cet identifiant cesse alors de fonctionner, ou le { $until }.
made-host = Machine
made-port = Port
made-database = Base de données
made-url = Adresse
made-user = Nom d’utilisateur
made-dn = Nom distinctif
made-password = Mot de passe
made-token = Jeton
made-certificate = Certificat

# Commandes lancées avec un accès.
exec-waits = { $missing ->
    [0] La demande { $id } est accordée
    [one] La demande { $id } attend encore 1 accord
   *[other] La demande { $id } attend encore { $missing } accords
}
exec-begins = Votre accès dure jusqu’au { $until } ; il est rendu quand la commande finit.
exec-returned = L’accès { $id } est rendu.
exec-not-returned = ATTENTION : { $id } n’a pas pu être rendu, et reste jusqu’à la fin de son temps, ou jusqu’à ce que vous lanciez « sequestre return { $id } ».
exec-taken-back = La demande { $id } est retirée.
exec-interrupted-asking = Interrompu. La demande est en route : dès que le serveur a répondu, elle est retirée. (Encore une fois Ctrl-C pour ne pas attendre.)
exec-perhaps-asked = ATTENTION : votre demande peut encore arriver au journal, car le serveur n’a pas répondu ; elle est renvoyée avec la prochaine commande. Si vous n’en voulez plus : « sequestre leases » la montre, « sequestre return » avec son numéro la retire.
exec-return-again = ATTENTION : { $id } n’est pas encore rendu. Nouvel essai dans un instant ; Ctrl-C pour arrêter.
failed-exec = La commande n’a pas pu être lancée.
failed-exec-descriptor = Les descripteurs de fichier ne se transmettent aux commandes que sous Unix. Retirez --fd.
failed-exec-ended = La demande { $id } n’a pas été accordée : elle a pris fin.
failed-exec-interrupted = Interrompu : la commande n’a pas été lancée.

# Qui connaît quoi.
exposure-head = Ce que { $name } connaît ou a pu connaître, et ce qui sera à changer en cas de départ :
exposure-head-how = Comment
exposure-nothing = Aucune des personnes visées ne connaît quoi que ce soit de ce qui est sous séquestre maintenant.
exposure-sealed = l’a scellé
exposure-opened = l’a ouvert
exposure-could-read = gère le serveur, où c’était ouvert
exposure-staged = { $how } ; c’est la version { $version }, en train d’être mise en place, et PAS encore le mot de passe actuel
exposure-account = « { $label } »
exposure-known = {"  "}{ $parts } : { $how }, depuis le { $time } (entrée { $entry } du journal)
exposure-assigned = {"  "}À faire par : { $names }
exposure-check-password = [ ] Changer le mot de passe, puis déposer le nouveau avec --new-version{ $what ->
    [empty] .
   *[other] . Page : { $what }
}
exposure-check-rotate = [ ] Lui donner un nouveau secret : le faire ouvrir au serveur (« sequestre unseal "{ $label }" … »), puis « sequestre rotate "{ $label }" ». S’il s’agit de quelqu’un qui gère ou gérait le serveur, le changer plutôt à la main chez la cible, et le déposer avec --new-version.
exposure-check-sessions = [ ] Fermer toutes les sessions ouvertes et les appareils mémorisés{ $what ->
    [empty] .
   *[other] {" "}: { $what }
}
exposure-check-mailbox = [ ] Boîte mail pour « mot de passe oublié » : { $what ->
    [empty] en est-ce une qui reste à l’association ?
   *[other] { $what }, lue par { $by }
}
exposure-check-telephone = [ ] Téléphone pour les codes : { $what ->
    [empty] y en a-t-il un, et qui l’a ?
   *[other] { $what }, chez { $by }
}
exposure-check-administrators = [ ] Qui d’autre l’administre : { $what ->
    [empty] y a-t-il quelqu’un ?
   *[other] { $what }
} Retirer les personnes qui n’ont rien à y faire.
exposure-check-keys = [ ] Clés d’API, jetons, mots de passe d’application, règles de transfert : révoquer ce dont personne n’a besoin.

# Ce que dit --help.
help-exposure = Lister qui connaît ce qui est sous séquestre ; avec --person : ce qu’il faut faire quand cette personne part
help-exposure-label = Seulement ce compte
help-exposure-person = Seulement ce que connaît cette personne, avec la liste de ce qu’il faut changer et vérifier
help-deposit-connector = Fichier JSON qui dit comment le serveur atteint la cible du compte ; ce que vous déposez y est alors le mot de passe d’administration
help-deposit-exclusive = Une seule personne à la fois a accès
help-deposit-keep-delegations = Avec --new-version : les délégations continuent avec le nouveau mot de passe
help-request-exec = Attendre l’accès, lancer cette commande avec lui dans son environnement (SEQUESTRE_PASSWORD, SEQUESTRE_USER, …), et le rendre
help-request-fd = Avec --exec : le secret n’est pas dans l’environnement, mais se lit sur ce descripteur de fichier (3 à 9)
help-request-ssh-key = Fichier de votre clé publique SSH, pour les comptes qui donnent des certificats
help-request-secret = D’un compte avec connecteur : demander le secret d’administration lui-même
help-request-totp-to-me = Faire ouvrir le secret des codes à usage unique à vous, et non au serveur
help-request-ask = Demander aux gardien·nes même si vous avez une délégation
help-show-codes = Montrer les codes à usage unique au fil du temps, tant que votre accès dure
