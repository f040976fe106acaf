# Pourquoi les règles ou le serveur disent non : une phrase par raison.

# Ce qui a été signé, et quand.
refused-foreign-base = STOP. Cet ordinateur et le serveur ne sont pas d’accord sur ce qui s’est passé jusqu’ici. N’essayez pas de nouveau ; comparez avec les autres par un autre moyen, et montrez ceci à un·e médiateur·rice.
refused-stale-base = Quelque chose dont ceci dépend a changé entre-temps. Regardez de nouveau, et recommencez si vous le voulez encore.
refused-clock-skew = Entre ce que vous avez signé et l’horloge du serveur, il y a { $by } d’écart ; 10 minutes au plus sont permises. Si cela a dû attendre le serveur, recommencez. Sinon, vérifiez l’horloge de cet ordinateur.
refused-unknown-rules = L’association suit des règles (version { $version }) que ce programme ne connaît pas encore. Mettez-le à jour ; d’ici là, rien ne peut être signé.
refused-rate-limit = Vous avez atteint votre limite pour aujourd’hui. Continuez demain.
refused-genesis-twice = Cette association est déjà fondée. Demandez une invitation pour la rejoindre.

# Personnes et invitations.
refused-stranger = Cette association ne connaît pas votre clé personnelle. Demandez une invitation.
refused-not-admitted = Vous avez rejoint l’association, mais votre admission n’est pas encore décidée. Attendez que la charte ou votre admission soit signée.
refused-not-founded = La première charte n’est pas encore en vigueur. Ce sera possible quand l’ensemble des gardien·nes l’aura signée.
refused-not-trustee = Seul·e un·e gardien·ne peut le faire ; pour accepter une demande, il faut détenir une part de la clé du compte. Demandez-le à l’une de ces personnes.
refused-may-not-invite = Seules les personnes que la charte désigne peuvent inviter, admettre ou retirer quelqu’un ; avant la première charte, seule la personne fondatrice. Demandez-le à l’une d’elles.
refused-invitation-unknown = L’association ne connaît pas cette invitation. Demandez-en une nouvelle à la personne qui vous a invité·e.
refused-invitation-used = Cette invitation a déjà servi. Si ce n’était pas vous, prévenez tout de suite la personne qui vous a invité·e.
refused-invitation-cancelled = Cette invitation a été annulée. Demandez-en une nouvelle.
refused-invitation-expired = Cette invitation n’est plus valable. Demandez-en une nouvelle.
refused-invitation-roles = Les rôles ne sont pas ceux de l’invitation. Utilisez-la telle que vous l’avez reçue, ou demandez-en une nouvelle.
refused-invitation-exists = Cette invitation existe déjà. Faites-en une nouvelle.
refused-invitation-life = Une invitation est valable 30 jours au plus. Faites-en une qui finit plus tôt.
refused-already-joined = Vous faites déjà partie de cette association. Pour utiliser aussi un autre ordinateur, lancez-y « sequestre restore-identity ».
refused-not-your-keys = La clé personnelle qui a signé n’est pas celle dont il s’agit. Utilisez la vôtre ; --home dit dans quel dossier elle se trouve.
refused-device-known = Cette clé d’appareil sert déjà. Chaque ordinateur a besoin de la sienne : ne copiez pas de dossier d’un ordinateur à l’autre, lancez « sequestre restore-identity » dans un dossier vide.
refused-device-unknown = Vous n’avez pas cet appareil, ou il est déjà révoqué. « sequestre device » montre les vôtres.
refused-not-removable = Gardien·nes, médiateur·rices et technicien·nes ne peuvent ni partir ni être retiré·es de cette façon : une nouvelle charte doit d’abord mettre fin à leur fonction.

# Charte et propositions.
refused-admission-mismatch = Ce n’est pas ce que la personne a signé en arrivant, ou elle n’attend pas d’être admise. Regardez la boîte de réception et proposez de nouveau.
refused-charter-names-stranger = La charte nomme quelqu’un qui n’est pas encore arrivé. Attendez cette personne, ou continuez sans elle avec --drop NOM.
refused-charter-version = La prochaine charte est la version { $expected } : aucun numéro n’est sauté ni repris. Proposez-la de nouveau.
refused-charter-log-key = Une charte ne peut changer ni l’adresse du serveur ni la clé du journal. Laissez-les telles quelles et proposez de nouveau.
refused-bad-charter = Cette charte se contredit. Corrigez-la et proposez-la de nouveau.
refused-proposal-unknown = Cette proposition n’existe pas. « sequestre inbox » montre ce qui vous attend.
refused-proposal-differs = La proposition n’est pas celle que vous avez vue ; votre signature n’a pas été acceptée. Relisez-la avant de signer.
refused-proposal-closed = Cette proposition n’est plus ouverte : elle a été décidée, remplacée, ou personne n’a décidé à temps. « sequestre charter » montre celles qui le sont.
refused-already-signed = Vous avez déjà signé cette proposition. Rien de plus ne vous est demandé.
refused-not-concerned = Cette proposition n’a pas besoin de votre signature. Vous n’avez rien à faire.

# Comptes.
refused-may-not-ask = La charte ne vous permet pas de demander les comptes de ce coffre. Demandez à un·e gardien·ne de le faire.
refused-may-not-deposit = La charte ne vous permet pas de déposer dans ce coffre. Choisissez-en un autre avec --vault, ou demandez à un·e gardien·ne de déposer.
refused-vault-unknown = La charte n’a pas de coffre de ce nom. « sequestre charter » montre les coffres.
refused-vault-differs = Une nouvelle version reste dans le coffre de son compte. N’indiquez pas --vault.
refused-deal-shape = Les parts de la clé ne correspondent pas aux gardien·nes actuel·les de ce coffre ; la charte vient peut-être de changer. Déposez de nouveau.
refused-credential-exists = Ce compte est déjà sous séquestre. Pour remplacer son mot de passe, ajoutez --new-version.
refused-credential-unknown = Ce compte n’existe pas. « sequestre credentials » montre ceux qui existent.
refused-version-conflict = Ce compte en est déjà à la version { $current } : quelqu’un a déposé entre-temps. Demandez-lui quel mot de passe est valable avant de déposer de nouveau.
refused-part-unknown = Ce compte ne contient pas cela. « sequestre credentials COMPTE » montre ce qu’il contient.
refused-no-share = Vous ne détenez aucune part de cette clé : vous n’avez rien à confirmer.

# Demandes et accès.
refused-duration = Dans ce coffre, un accès peut être demandé pour 1 minute au moins et { $longest } au plus. Choisissez une autre durée avec --for.
refused-request-life = Une demande doit rester ouverte un certain temps, 7 jours au plus. Choisissez une autre durée avec --open-for.
refused-own-share = Ce programme n’a pas bien compté votre propre part de la clé. Mettez-le à jour, puis redemandez.
refused-already-requested = Votre demande { $request } pour ce compte est encore ouverte. Attendez la réponse, ou retirez-la avec « sequestre return { $request } ».
refused-request-unknown = Cette demande n’existe pas. « sequestre inbox » montre ce qui vous attend, « sequestre leases » ce que vous avez demandé.
refused-request-differs = La demande n’est pas celle que vous avez vue ; votre accord n’a pas été accepté. Relisez-la avant d’accepter.
refused-request-closed = Cette demande n’est plus ouverte. Si l’accès est encore nécessaire, la personne peut redemander.
refused-request-expired = Cette demande a pris fin le { $at }. Si l’accès est encore nécessaire, la personne peut redemander.
refused-own-request = C’est votre propre demande : votre part de la clé compte déjà. C’est aux autres d’accepter.
refused-already-approved = Vous avez déjà accepté cette demande, et c’est définitif. Une fois l’accès accordé, « sequestre revoke » peut y mettre fin.
refused-released-shape = Votre ordinateur n’a pas remis exactement vos parts de la clé. Mettez ce programme à jour, puis acceptez de nouveau.
refused-not-yours = C’est la demande de quelqu’un d’autre. Seule la personne qui a demandé peut le faire.
refused-nothing-to-end = Il n’y a pas encore d’accès auquel mettre fin. Refusez plutôt la demande : « sequestre deny NUMÉRO --reason … ».
refused-veto-used = Vous avez arrêté un accès à ce compte il y a peu et ne pouvez pas recommencer avant le { $until } : les autres ont donné de nouveau leur accord. Un·e autre gardien·ne le peut encore.
refused-may-not-destroy = Seules les personnes que la charte nomme dans l’accord « destroy » peuvent proposer de détruire quelque chose. Demandez-le à l’une d’elles.
refused-text-unknown = Ce texte n’existe pas, ou c’est un contenu scellé, qui se détruit avec son compte.
refused-text-in-use = Les autres ont encore besoin de ce texte pour savoir de quoi il est question. Mettez d’abord fin à ce dont il relève ; le nom d’un compte se détruit avec le compte.
refused-text-used = Ce texte est déjà dans le journal, ou a été détruit. Chaque texte ne s’écrit qu’une fois : redonnez la commande.
refused-sealed-used = Un contenu scellé, ou sa clé, est déjà dans le journal ou a été détruit. Déposez-le de nouveau ; si ce programme l’a fait de lui-même, dites-le à un·e technicien·ne.
refused-too-many-proposals = Trois destructions que vous avez proposées sont encore ouvertes. Attendez que les autres aient accepté l’une d’elles, ou que l’une ait 30 jours.
refused-version-in-use = C’est la version actuelle, ou une version encore présente en a repris une partie. Déposez d’abord le tout à neuf, ou détruisez le compte entier.
refused-credential-destroyed = Ce compte a été détruit. Pour le remettre sous séquestre, déposez-en un nouveau.
refused-organisation-destroyed = Cette association a été détruite. Son journal peut être lu et vérifié, mais plus rien ne peut s’y ajouter.
refused-not-agreed = Il n’y a encore rien à confirmer : la proposition attend des signatures. « sequestre inbox » la montre.
refused-too-early = Ceci peut être confirmé à partir du { $at }, pas avant : d’ici là, tout le monde peut y réfléchir et s’y opposer.
refused-nothing-to-veto = On ne peut s’opposer qu’à ce qui demande deux accords. Si vous êtes contre cette proposition, ne la signez pas.
refused-proposal-vetoed = Quelqu’un s’y est déjà opposé, et une opposition en vaut deux.
refused-vault-in-use = Des comptes se trouvent dans un coffre que la nouvelle charte n’a plus : personne ne pourrait les ouvrir. Gardez le coffre, ou détruisez d’abord ses comptes.
refused-vault-askers = Des comptes se trouvent dans un coffre pour lequel, selon la nouvelle charte, plus personne ne pourrait demander d’accès. Nommez quelqu’un qui le peut.
refused-not-collectable = Il n’y a rien à récupérer : la demande n’est pas encore accordée, ou elle est terminée. « sequestre leases » le montre.
refused-already-confirmed = Vous l’avez déjà dit de ces parts de clé. Rien de plus ne vous est demandé tant que personne ne redemande.
refused-starter-unknown = La personne qui a lancé cette récupération n’a jamais fait partie de cette association. Dites aux autres et à un·e médiateur·rice ce que vous avez répondu, et à qui.
refused-starter-signature = La personne nommée comme ayant lancé cette récupération n’en a pas signé la demande. Interrogez-la, et prévenez les autres.
refused-own-answer = C’est vous qui avez lancé cette récupération : votre part de la clé compte déjà. Les autres consignent ce qu’ils et elles ont répondu.
refused-already-answered = Votre réponse au sujet de ces comptes est déjà dans le journal.
refused-claim-shape = On ne peut dire mauvaises que des parts de clé remises pour cette demande même. Mettez le programme à jour et réessayez.
refused-already-claimed = Ce que vous dites de cette personne et de cette demande est déjà dans le journal. Un·e médiateur·rice peut l’y lire.
refused-may-not-drill = Seul·es les gardien·nes et les médiateur·rices peuvent lancer un exercice ; ces personnes et les technicien·nes peuvent en consigner le résultat.
refused-drill-rest = Un exercice a été lancé il y a moins de 7 jours. Attendez les réponses ; le prochain sera possible à partir du { $from }.
refused-drill-tree = Le résultat d’un exercice doit nommer la copie qui a été restaurée. Mettez le programme à jour et consignez-le de nouveau.
refused-nothing-to-test = Cette demande n’a donné aucun accès, ou il a pris fin il y a plus de 7 jours. Demandez un accès et essayez-le alors.
refused-own-deposit = C’est vous qui avez mis ce compte sous séquestre. Quelqu’un d’autre doit montrer que l’accès fonctionne.
refused-not-due = Ce n’est pas encore le moment. Si vous n’avez rien demandé de tel, prévenez un·e technicien·ne.

# Ce qui est ouvert au serveur, et ce qu’il fait chez les fournisseurs.
refused-not-vouched = Seules les clés dont le journal de ce serveur se porte garant peuvent servir à ouvrir quelque chose au serveur, et rien d’autre ne s’ouvre à elles. Lancez « sequestre sync » et redemandez.
refused-no-connector = Le serveur ne peut rien faire chez le fournisseur de ce compte : il n’a pas de connecteur. Demandez le mot de passe lui-même.
refused-has-connector = L’accès à ce compte est créé chez son fournisseur ; rien n’est à garder une seconde fois. Mettez le programme à jour.
refused-not-open = Ce compte n’est pas ouvert au serveur. Demandez aux autres de l’ouvrir avec « sequestre unseal ».
refused-connector-changed = La façon dont le serveur atteint ce compte a changé depuis la demande. Regardez-la, puis redemandez.
refused-checked-out = Quelqu’un d’autre utilise ce compte, et une seule personne à la fois le peut. Attendez le { $until }, ou demandez-lui de le rendre.
refused-still-at-target = Ce qui a été créé chez le fournisseur pour la demande { $request } n’y est pas encore supprimé. Faites ouvrir le compte avec « sequestre unseal » pour que le serveur puisse l’enlever, puis réessayez.
refused-window-too-short = Le compte n’est ouvert au serveur que jusqu’au { $until }, ce qui est trop court pour un accès qui doit finir avant. Faites-le ouvrir plus longtemps.
refused-nothing-open = Rien n’est ouvert au serveur que vous puissiez fermer ; ou les autres l’ont rouvert depuis que vous l’avez fermé, et c’est à un·e autre gardien·ne de le refermer.
refused-rotation-pending = Le serveur est en train de changer le mot de passe de ce compte. Attendez que ce soit fait, puis regardez de nouveau.
refused-delegation-unknown = Cette délégation n’existe pas.
refused-delegation-over = Cette délégation est terminée : épuisée, échue, ou arrêtée. Demandez un accès, ou une nouvelle délégation.
refused-delegation-terms = Une délégation dure 366 jours au plus, et vaut pour quelqu’un qui peut demander les comptes de ce coffre.
refused-wrapped-shape = Ce qui a été gardé une seconde fois n’est pas exactement ce qui a été accordé, ou pas pour ce serveur. Mettez le programme à jour et réessayez.

# Le serveur.
refused-unknown-organisation = Ce serveur n’héberge pas votre association. Demandez aux autres de vive voix si elle a déménagé.
refused-founding-token = Ce code de fondation est inconnu ou a déjà servi. Demandez-en un nouveau à un·e technicien·ne.
refused-missing-blob = Un morceau de ce que vous avez envoyé n’est pas arrivé au serveur. Recommencez ; prévenez un·e technicien·ne si cela se répète.
refused-blob-too-large = C’est trop gros pour le serveur. Raccourcissez : 256 Kio au plus d’un seul tenant.
refused-text-too-large = Un nom, un motif ou une fiche de compte est trop long. Raccourcissez : 4 096 octets au plus pour chacun.
refused-not-awaited = Personne n’attend ces parts de clé : la demande est terminée, ou votre accord n’est pas au journal. « sequestre inbox » montre ce qui vous attend encore.
refused-not-yet-uploaded = L’accord est là, mais les ordinateurs des gardien·nes n’ont pas encore remis assez de parts. Demandez aux personnes d’accord de lancer « sequestre sync », puis réessayez.
refused-bad-cosignature = Le serveur n’a pas accepté que cet ordinateur confirme le journal. Lancez « sequestre sync » ; prévenez un·e technicien·ne si cela se répète.
refused-busy = Le serveur a trop à faire en ce moment. Réessayez dans une minute.
refused-storage = Le disque du serveur ne fonctionne pas comme il faut, et rien n’a été enregistré. Prévenez un·e technicien·ne, et réessayez plus tard.
refused-closing = Le serveur est en train de s’arrêter. Réessayez quand il sera revenu.
refused-malformed = Le serveur n’a pas compris ce programme. Mettez le programme à jour, ou demandez à un·e technicien·ne de mettre à jour le serveur.
refused-bad-signature = La signature n’est pas arrivée intacte au serveur. Recommencez ; prévenez un·e technicien·ne et un·e médiateur·rice si cela se répète.
refused-no-device = Le serveur ne voit pas quel ordinateur l’appelle. Rejoignez l’association avec « sequestre join », ou apportez ici votre clé personnelle avec « sequestre restore-identity ».
refused-unknown-device = L’association ne connaît pas cet ordinateur, ou ne le connaît plus : il n’a jamais été ajouté, il a été révoqué, ou vous êtes parti·e. Apportez votre clé personnelle dans un dossier vide (--home) avec « sequestre restore-identity », ou demandez une invitation.
refused-device-differs = Ceci a été signé pour un autre ordinateur que celui qui l’envoie. Faites-le sur l’autre.
refused-not-made-yet = Le serveur n’a pas encore créé cet accès. Attendez un instant, puis réessayez ; « sequestre status » dit ce qu’il attend.
refused-badly-wrapped = Ce qui a été gardé pour cette délégation ne s’ouvre pas. Demandez un accès, puis une nouvelle délégation.
refused-too-many-keys = Cet ordinateur a demandé au serveur trop de clés sans les utiliser. Attendez un quart d’heure, puis réessayez.
refused-no-codes = Le serveur ne peut plus montrer de codes pour cet accès, peut-être parce qu’il a été redémarré. Demandez à nouveau l’accès.
refused-target = Le serveur n’a pas pu interroger le fournisseur. Réessayez plus tard, ou demandez à la technicienne ou au technicien.
refused-too-many-requests = Cet ordinateur appelle trop souvent le serveur. Attendez une minute, puis réessayez.
refused-timeout = Le serveur n’a pas fini à temps. Réessayez : ce qui est déjà fait ne sera pas fait deux fois.
refused-unknown-method = Le serveur est plus ancien que ce programme et ne sait pas le faire. Demandez à un·e technicien·ne de le mettre à jour.
refused-unknown-service = Le serveur ne propose pas cela. Demandez à un·e technicien·ne de le mettre à jour.
refused-message-too-large = C’est trop pour le serveur en une fois. Faites plus petit, ou en plusieurs étapes.
refused-beyond-log = L’entrée { $asked } a été demandée, mais le journal du serveur n’a que { $size } entrées. Lancez « sequestre sync » ; si cela se répète, montrez-le aux autres et à un·e médiateur·rice.
